"""A strict, small Amazon Cognito for development and tests, on moto's models; never imported by the server.

The way of a call:   application -> protocol -> shapes -> operations/ -> grants, codes, passwords ... -> store
The way of a person: application -> hosted.authorize -> hosted.login -> operations.sign_in, .challenges
The way of a code:   application -> hosted.token_endpoint -> grants -> tokens
"""

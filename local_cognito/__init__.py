"""A strict local Amazon Cognito for development and tests, built on moto's models; the server never imports it.

The way of a call:   application -> protocol -> shapes -> operations/ -> grants, codes, passwords ... -> store
The way of a person: application -> hosted.authorize -> hosted.login -> operations.sign_in, .challenges
The way of a code:   application -> hosted.token_endpoint -> grants -> tokens
"""

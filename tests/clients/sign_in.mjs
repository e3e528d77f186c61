// Signs in with SRP, refreshes and signs out by amazon-cognito-identity-js, as an app would. Prints the tokens as JSON.
import cognito from "amazon-cognito-identity-js";

const [endpoint, UserPoolId, ClientId, Username, Password] = process.argv.slice(2);
const pool = new cognito.CognitoUserPool({ UserPoolId, ClientId, endpoint });
const user = new cognito.CognitoUser({ Username, Pool: pool });

const promised = (begin) =>
  new Promise((onSuccess, onFailure) => begin({ onSuccess, onFailure: (error) => onFailure(new Error(error.code)) }));

try {
  const session = await promised((callbacks) =>
    user.authenticateUser(new cognito.AuthenticationDetails({ Username, Password }), callbacks),
  );
  const attributes = await new Promise((resolve, reject) =>
    user.getUserAttributes((error, found) => (error ? reject(error) : resolve(found))),
  );
  console.log(
    JSON.stringify({
      access_token: session.getAccessToken().getJwtToken(),
      id_token: session.getIdToken().getJwtToken(),
      email: attributes.find((attribute) => attribute.getName() === "email").getValue(),
    }),
  );
  await promised((callbacks) => user.globalSignOut(callbacks));
} catch (error) {
  console.log(JSON.stringify({ error: error.message }));
}

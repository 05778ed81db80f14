// Strict clients against a running node: MEDIA_GATEWAY_URL and MEDIA_GATEWAY_OPERATOR name it. Exits with 1 when any
// of them is not content.
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import * as openid from 'openid-client';
import { Browser } from './browser.mjs';

const base = process.env.MEDIA_GATEWAY_URL;
const operator = process.env.MEDIA_GATEWAY_OPERATOR;
const callback = 'https://app.example/cb';
// The node listens in plain text on this machine; that is the only thing these clients are told to let pass.
const plain = { [oauth.allowInsecureRequests]: true };
const browser = new Browser(base);

async function register(fields) {
  const body = JSON.stringify({
    name: 'Strict client',
    redirect_uris: [callback],
    grant_types: ['authorization_code', 'refresh_token', 'device_code'],
    scopes: 'openid email offline_access read:content read:watchlist',
    ...fields,
  });
  const headers = { authorization: `Bearer ${operator}`, 'content-type': 'application/json' };
  const answer = await fetch(`${base}/api/v1/internal/auth/clients`, { method: 'POST', headers, body });
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
}

// oauth4webapi: PAR, PKCE, DPoP, RFC 9207, ID token, RFC 9068 validation at the resource, introspection, revocation.
async function pushedAndBound() {
  const issuer = new URL(base);
  const found = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...plain });
  const as = await oauth.processDiscoveryResponse(issuer, found);
  const registered = await register({ confidential: true, dpop_bound: true });
  const client = { client_id: registered.id };
  const auth = oauth.ClientSecretBasic(registered.secret);
  const keys = await oauth.generateKeyPair('ES256');
  const DPoP = oauth.DPoP(client, keys);
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const parameters = new URLSearchParams({
    redirect_uri: callback,
    response_type: 'code',
    scope: 'openid email read:content',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  });
  const pushing = await oauth.pushedAuthorizationRequest(as, client, auth, parameters, { DPoP, ...plain });
  const pushed = await oauth.processPushedAuthorizationResponse(as, client, pushing);
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.request_uri });
  const answered = oauth.validateAuthResponse(as, client, await browser.authorize(url.href), state);
  const asking = await oauth.authorizationCodeGrantRequest(as, client, auth, answered, callback, verifier, { DPoP, ...plain });
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, asking, { expectedNonce: nonce, requireIdToken: true });
  assert.equal(tokens.token_type, 'dpop');
  await oauth.validateApplicationLevelSignature(as, asking, plain);

  const info = await oauth.userInfoRequest(as, client, tokens.access_token, { DPoP, ...plain });
  const subject = oauth.getValidatedIdTokenClaims(tokens).sub;
  const person = await oauth.processUserInfoResponse(as, client, subject, info);
  assert.equal(person.email, 'strict@example.org');

  const me = new URL('/api/v1/auth/me', base);
  const asked = await oauth.protectedResourceRequest(tokens.access_token, 'GET', me, undefined, undefined, { DPoP, ...plain });
  assert.equal((await asked.json()).subject, subject);

  const again = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, { DPoP, ...plain });
  const fresh = await oauth.processRefreshTokenResponse(as, client, again);
  assert.notEqual(fresh.refresh_token, tokens.refresh_token);

  const looking = await oauth.introspectionRequest(as, client, auth, fresh.access_token, plain);
  const seen = await oauth.processIntrospectionResponse(as, client, looking);
  assert.deepEqual([seen.active, seen.token_type, seen.client_id], [true, 'DPoP', client.client_id]);
  const ending = await oauth.revocationRequest(as, client, auth, fresh.refresh_token, plain);
  await oauth.processRevocationResponse(ending);
  const gone = await oauth.introspectionRequest(as, client, auth, fresh.access_token, plain);
  assert.equal((await oauth.processIntrospectionResponse(as, client, gone)).active, false);
}

// oauth4webapi as a resource server: it validates an access token by RFC 9068 alone.
async function asAResource() {
  const issuer = new URL(base);
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain));
  const resource = await oauth.resourceDiscoveryRequest(issuer, plain);
  const described = await oauth.processResourceDiscoveryResponse(issuer, resource);
  assert.deepEqual(described.authorization_servers, [as.issuer]);
  const registered = await register({
    confidential: true, role: 'mcp_server', grant_types: ['client_credentials'], scopes: 'read:content', redirect_uris: [],
  });
  const client = { client_id: registered.id };
  const auth = oauth.ClientSecretPost(registered.secret);
  const asking = await oauth.clientCredentialsGrantRequest(as, client, auth, { scope: 'read:content' }, plain);
  const tokens = await oauth.processClientCredentialsResponse(as, client, asking);
  const request = new Request(base, { headers: { authorization: `Bearer ${tokens.access_token}` } });
  const claims = await oauth.validateJwtAccessToken(as, request, described.resource, plain);
  assert.equal(claims.scope, 'read:content');
}

// openid-client: discovery, PKCE, refresh and the device grant, as an application would write them.
async function asAnApplication() {
  const registered = await register({});
  const options = { execute: [openid.allowInsecureRequests] };
  const config = await openid.discovery(new URL(base), registered.id, undefined, openid.None(), options);
  const verifier = openid.randomPKCECodeVerifier();
  const state = openid.randomState();
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope: 'openid read:content',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
  });
  const back = await browser.authorize(url.href);
  const tokens = await openid.authorizationCodeGrant(config, back, { pkceCodeVerifier: verifier, expectedState: state });
  assert.ok(tokens.claims().sub);
  const fresh = await openid.refreshTokenGrant(config, tokens.refresh_token);
  assert.ok(fresh.access_token);
  await openid.tokenRevocation(config, fresh.refresh_token);

  const waiting = await openid.initiateDeviceAuthorization(config, { scope: 'read:content' });
  const page = waiting.verification_uri_complete;
  const allowed = await browser.submit(page, '/device', { user_code: waiting.user_code, decision: 'allow' });
  assert.equal(allowed.status, 200);
  const device = await openid.pollDeviceAuthorizationGrant(config, waiting);
  assert.equal(device.scope, 'read:content');
}

await browser.signUp('strict@example.org', 'correct horse battery');
for (const check of [pushedAndBound, asAResource, asAnApplication]) {
  await check();
  console.log(`ok ${check.name}`);
}

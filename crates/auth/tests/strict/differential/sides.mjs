// Two servers with the same clients: the node at MEDIA_GATEWAY_URL, and oidc-provider in this process.
import http from 'node:http';
import { Provider } from 'oidc-provider';
import { Browser } from '../browser.mjs';

export const CALLBACK = 'https://app.example/cb';
export const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
export const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';
export const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const CODES = ['authorization_code', 'refresh_token', DEVICE];

// What both have: new codes, tokens and device codes, asked for in the usual way.
class Side {
  async post(endpoint, fields, headers = {}) {
    const answer = await fetch(this.at[endpoint], { method: 'POST', body: new URLSearchParams(fields), headers });
    return answer.json();
  }

  basic(name) {
    const { id, secret } = this.clients[name];
    return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
  }

  async tokens(name = 'public') {
    const fields = {
      grant_type: 'authorization_code', code: await this.code(name), redirect_uri: CALLBACK, code_verifier: VERIFIER,
    };
    const { id, secret } = this.clients[name];
    const tokens = await (secret ? this.post('token', fields, this.basic(name)) : this.post('token', { ...fields, client_id: id }));
    if (!tokens.access_token || !tokens.refresh_token) throw new Error(`${this.name}: ${JSON.stringify(tokens)}`);
    return tokens;
  }

  async device() {
    const begun = await this.post('device', { client_id: this.clients.public.id, scope: 'read:content' });
    return begun.device_code;
  }
}

export class Ours extends Side {
  name = 'ours';

  static async open(base, operator) {
    const side = new Ours();
    const found = await (await fetch(`${base}/.well-known/oauth-authorization-server`)).json();
    side.at = endpoints(found);
    side.browser = new Browser(base);
    await side.browser.signUp('differential@example.org', 'correct horse battery');
    const headers = { authorization: `Bearer ${operator}`, 'content-type': 'application/json' };
    const register = async (fields) => {
      const all = { name: 'Compared', redirect_uris: [CALLBACK], grant_types: CODES, scopes: 'openid read:content', ...fields };
      const body = JSON.stringify(all).replaceAll(DEVICE, 'device_code');
      const answer = await fetch(`${base}/api/v1/internal/auth/clients`, { method: 'POST', headers, body });
      if (answer.status !== 201) throw new Error(await answer.text());
      return answer.json();
    };
    const alone = { grant_types: ['client_credentials'], redirect_uris: [], role: 'mcp_server', confidential: true };
    side.clients = {
      public: await register({}),
      secret: await register({ confidential: true }),
      service: await register({ ...alone, scopes: 'read:content' }),
    };
    return side;
  }

  async code(client) {
    const url = new URL(this.at.authorize);
    url.search = new URLSearchParams(authorization(this.clients[client].id));
    return (await this.browser.authorize(url.href)).searchParams.get('code');
  }

  close() {}
}

export class Theirs extends Side {
  name = 'oidc-provider';

  static async open() {
    const side = new Theirs();
    const server = http.createServer((request, response) => side.provider.callback()(request, response));
    await new Promise((done) => server.listen(0, '127.0.0.1', done));
    side.server = server;
    const base = `http://127.0.0.1:${server.address().port}`;
    const client = (id, method, grants, more) => ({
      client_id: id, token_endpoint_auth_method: method, grant_types: grants, redirect_uris: [CALLBACK],
      response_types: ['code'], scope: 'openid read:content', ...more,
    });
    const secret = 'a secret of thirty-two characters';
    const on = { enabled: true };
    side.provider = new Provider(base, {
      clients: [
        client('public', 'none', CODES),
        client('secret', 'client_secret_basic', CODES, { client_secret: secret }),
        client('service', 'client_secret_basic', ['client_credentials'], {
          client_secret: secret, redirect_uris: [], response_types: [], scope: 'read:content',
        }),
      ],
      scopes: ['openid', 'read:content'],
      pkce: { required: () => true },
      issueRefreshToken: () => true,
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
      features: {
        deviceFlow: on, introspection: on, revocation: on, clientCredentials: on, dPoP: on, pushedAuthorizationRequests: on,
        devInteractions: on,
      },
    });
    side.clients = { public: { id: 'public' }, secret: { id: 'secret', secret }, service: { id: 'service', secret } };
    side.at = endpoints(await (await fetch(`${base}/.well-known/openid-configuration`)).json());
    return side;
  }

  // As its interactions would make it: a grant and a code under it.
  async code(name) {
    const client = await this.provider.Client.find(this.clients[name].id);
    const grant = new this.provider.Grant({ accountId: 'ada', clientId: client.clientId });
    grant.addOIDCScope('openid read:content');
    const code = new this.provider.AuthorizationCode({
      accountId: 'ada', grantId: await grant.save(), client, redirectUri: CALLBACK, codeChallenge: CHALLENGE,
      codeChallengeMethod: 'S256', scope: 'openid read:content', authTime: Math.floor(Date.now() / 1000), claims: {},
      gty: 'authorization_code', sessionUid: 'session', expiresWithSession: false,
    });
    return code.save();
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

// An authorization request that is in order.
export function authorization(client) {
  return {
    client_id: client, response_type: 'code', redirect_uri: CALLBACK, scope: 'openid read:content', state: 's',
    code_challenge: CHALLENGE, code_challenge_method: 'S256',
  };
}

function endpoints(found) {
  return {
    authorize: found.authorization_endpoint,
    token: found.token_endpoint,
    par: found.pushed_authorization_request_endpoint,
    device: found.device_authorization_endpoint,
    introspect: found.introspection_endpoint,
    revoke: found.revocation_endpoint,
    userinfo: found.userinfo_endpoint,
  };
}

// A browser without JavaScript: cookies, redirects of our own, and the forms of pages.
export class Browser {
  cookies = new Map();

  constructor(base) {
    this.base = base;
  }

  async send(url, options = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { ...options.headers, cookie };
    const answer = await fetch(new URL(url, this.base), { ...options, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const at = pair.indexOf('=');
      this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  // Loads a page and sends the form on it with these fields; gives the answer.
  async submit(page, action, fields) {
    const html = await (await this.send(page)).text();
    const token = html.match(/name="form_token" value="([^"]+)"/)?.[1];
    if (!token) throw new Error(`no form at ${page}: ${html}`);
    const body = new URLSearchParams({ form_token: token, ...fields });
    return this.send(action, { method: 'POST', body, headers: { origin: new URL(this.base).origin } });
  }

  async signUp(email, password) {
    for (const [page, status] of [['/signup', 200], ['/login', 303]]) {
      const answer = await this.submit(page, page, { email, password });
      if (answer.status !== status) throw new Error(`${page} answered ${answer.status}: ${await answer.text()}`);
    }
  }

  // Follows an authorization request to the client's address, saying yes on the way.
  async authorize(url) {
    let answer = await this.send(url);
    if (answer.status === 200) answer = await this.submit(url, url, { decision: 'allow' });
    if (answer.status !== 303) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
    return new URL(answer.headers.get('location'), this.base);
  }
}

//! GitHub: OAuth 2.0 with PKCE, then its own API for who it is and which addresses are verified.

use serde::Deserialize;

use super::{Known, Person, Trip, Trouble, ask, client, form};

#[derive(Deserialize)]
struct Token {
    /// Absent when the code was refused, which GitHub says with status 200.
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
}

#[derive(Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

impl Known {
    pub(super) async fn github_person(&self, trip: &Trip<'_>, code: &str) -> Result<Person, Trouble> {
        let http = client()?;
        let exchange = http.post(format!("{}/login/oauth/access_token", self.config.url));
        let secret = self.config.client_secret.now();
        let token: Token = ask(form(exchange, &self.exchange(trip, code, &secret))).await?;
        let token = token.access_token.ok_or(Trouble::Refused("GitHub does not know this sign-in: begin again"))?;
        let get = |path: &str| http.get(format!("{}{path}", self.config.api_url)).bearer_auth(&token);
        let user: User = ask(get("/user")).await?;
        let emails: Vec<Email> = ask(get("/user/emails")).await?;
        let email = emails.into_iter().find(|email| email.primary && email.verified).map(|email| email.email);
        Ok(Person { subject: user.id.to_string(), email })
    }
}

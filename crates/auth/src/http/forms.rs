//! What a form handler begins with: the form came from a page of ours, and its person is signed in.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    response::{IntoResponse, Response},
};

use super::{
    browser::{Browser, PageError},
    pages::to_sign_in,
    params::{OAuthForm, Params},
};
use crate::{Auth, model::Session};

/// A form that a page of ours sent, in the browser that was given it.
pub(super) struct OurForm {
    pub browser: Browser,
    pub form: Params,
}

impl FromRequest<Arc<Auth>> for OurForm {
    type Rejection = PageError;

    async fn from_request(request: Request, auth: &Arc<Auth>) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let browser = Browser::from_request_parts(&mut parts, auth).await?;
        let OAuthForm(form) = OAuthForm::from_request(Request::from_parts(parts, body), auth).await?;
        browser.check(auth, &form)?;
        Ok(Self { browser, form })
    }
}

/// As [`OurForm`], from somebody who is signed in; anybody else is led to do so.
pub(super) struct OwnForm {
    pub browser: Browser,
    pub session: Session,
    pub form: Params,
}

impl FromRequest<Arc<Auth>> for OwnForm {
    type Rejection = Response;

    async fn from_request(request: Request, auth: &Arc<Auth>) -> Result<Self, Response> {
        let here = request.uri().clone();
        let OurForm { browser, form } =
            OurForm::from_request(request, auth).await.map_err(IntoResponse::into_response)?;
        let session = browser.session.clone().ok_or_else(|| to_sign_in(&here))?;
        Ok(Self { browser, session, form })
    }
}

impl OwnForm {
    /// The value of a field; empty where it is absent.
    pub(super) fn text(&self, name: &str) -> &str {
        self.form.get(name).unwrap_or_default()
    }
}

//! What other parts of the product keep for the deployment itself, such as tokens of accounts elsewhere: sealed as people's
//! keys are, under its newest secret, and opened with any that it still has.

use contracts::ApiError;

use crate::{Auth, secret::Vault};

impl Auth {
    /// Seals `plain` for `purpose`.
    ///
    /// # Errors
    /// When the deployment's secrets can't be read.
    pub fn seal_own(&self, purpose: &str, plain: &[u8]) -> contracts::Result<Vec<u8>> {
        self.own_vault()?.seal(&named(purpose), plain)
    }

    /// Opens what [`Auth::seal_own`] sealed for the same purpose, and says whether it should be sealed anew: under a secret
    /// that is older than the newest.
    ///
    /// # Errors
    /// When it was sealed for another purpose, or under a secret that is gone.
    pub fn open_own(&self, purpose: &str, sealed: &[u8]) -> contracts::Result<(Vec<u8>, bool)> {
        let vault = self.own_vault()?;
        Ok((vault.open(&named(purpose), sealed)?, !sealed.starts_with(&vault.head())))
    }

    /// Every secret as it is now, also in a process that doesn't sign and follows no rotation.
    pub(crate) fn own_vault(&self) -> Result<Vault, ApiError> {
        let secrets = self.config.secrets.secrets()?;
        let newest = secrets.first().ok_or_else(|| ApiError::internal("this deployment has no secret"))?;
        let vault = Vault::new(newest, self.rng.clone());
        vault.hold(&secrets, None, None)?;
        Ok(vault)
    }
}

/// Apart from what accounts are sealed for.
fn named(purpose: &str) -> String {
    format!("own {purpose}")
}

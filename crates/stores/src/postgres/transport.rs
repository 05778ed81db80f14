//! How a connection to PostgreSQL is protected, read from its address as users of libpq write it.

use std::str::FromStr;

use contracts::is_this_machine;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::error::DbError;

/// What stands between a connection and whoever listens on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// It stays on this machine: a socket, or loopback.
    Local,
    /// Nothing, or nothing where the server offers none: `sslmode` is `disable`, `allow` or `prefer`.
    Plain,
    /// It is encrypted, to whoever answers under that address.
    Encrypted,
    /// It is encrypted, to a server that proves its name: `sslmode=verify-full`.
    Verified,
}

impl Transport {
    /// That of the address of a PostgreSQL database, without connecting to it.
    ///
    /// # Errors
    /// `Unavailable` when it is none.
    pub fn of(url: &str) -> Result<Self, DbError> {
        let options = options(url)?;
        Ok(match options.get_ssl_mode() {
            PgSslMode::VerifyFull => Self::Verified,
            PgSslMode::VerifyCa | PgSslMode::Require => Self::Encrypted,
            _ if options.get_socket().is_some() || is_here(options.get_host()) => Self::Local,
            _ => Self::Plain,
        })
    }
}

/// Whether a host, or a folder with a socket, is this machine's.
fn is_here(host: &str) -> bool {
    host.starts_with('/') || is_this_machine(host)
}

/// What the driver is told. As with libpq, `sslrootcert=system` stands for the authorities that the system believes and
/// asks for `verify-full`, and `require` beside a file of authorities for `verify-ca`.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, DbError> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (system, query): (Vec<&str>, Vec<&str>) = query.split('&').partition(|pair| *pair == "sslrootcert=system");
    let authorities = query.iter().any(|pair| pair.starts_with("sslrootcert="));
    // The driver's message could repeat the address, which holds a password.
    let wrong = |_| DbError::Unavailable("its URL is not one of PostgreSQL".to_owned());
    let options = PgConnectOptions::from_str(&format!("{address}?{}", query.join("&"))).map_err(wrong)?;
    Ok(match options.get_ssl_mode() {
        _ if !system.is_empty() => options.ssl_mode(PgSslMode::VerifyFull),
        PgSslMode::Require if authorities => options.ssl_mode(PgSslMode::VerifyCa),
        _ => options,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_it_is_protected() {
        for (url, expected) in [
            ("postgres://db.example/mg", Transport::Plain),
            ("postgres://me:secret@10.1.2.3/mg?sslmode=prefer", Transport::Plain),
            ("postgres://db.example/mg?sslmode=disable&sslrootcert=/etc/ca.pem", Transport::Plain),
            ("postgres://localhost.example/mg?sslmode=allow", Transport::Plain),
            ("postgres://localhost/mg", Transport::Local),
            ("postgres://me:secret@127.0.0.1:5433/mg?sslmode=disable", Transport::Local),
            ("postgres://[::1]/mg", Transport::Local),
            ("postgres:///mg?host=/run/postgresql", Transport::Local),
            ("postgres://db.example/mg?sslmode=require", Transport::Encrypted),
            ("postgres://db.example/mg?sslmode=require&sslrootcert=/etc/ca.pem", Transport::Encrypted),
            ("postgres://db.example/mg?sslmode=verify-ca", Transport::Encrypted),
            ("postgres://db.example/mg?sslmode=verify-full", Transport::Verified),
            ("postgres://127.0.0.1/mg?sslmode=verify-full&sslrootcert=/etc/ca.pem", Transport::Verified),
            ("postgres://db.example/mg?application_name=a&sslrootcert=system", Transport::Verified),
        ] {
            assert_eq!(Transport::of(url).unwrap(), expected, "{url}");
        }
        let mode = |url| options(url).unwrap().get_ssl_mode();
        assert!(matches!(mode("postgres://db/mg?sslmode=require&sslrootcert=/etc/ca.pem"), PgSslMode::VerifyCa));
        assert!(matches!(mode("postgres://db/mg?sslmode=require"), PgSslMode::Require));
        for wrong in ["nothing", "postgres://db/mg?sslmode=perhaps", "postgres://db:port/mg"] {
            let error = Transport::of(wrong).unwrap_err().to_string();
            assert!(error.ends_with("its URL is not one of PostgreSQL"), "{error}");
        }
    }
}

//! The frame of a call survives its way through metadata, and bad metadata is refused.

use contracts::Rng;
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::ServerAuth;

const ALLOWANCE: Allowance = Allowance { default: Duration::from_secs(10), most: Duration::from_secs(60) };

fn clock() -> Clock {
    Clock::fixed(Timestamp::from_second(1_790_000_000).unwrap())
}

fn server(pairs: &[(&'static str, &str)]) -> Result<Call> {
    let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
    from(&headers)
}

fn from(headers: &HeaderMap) -> Result<Call> {
    let caller = ServerAuth::new(Some("secret".into()), None).caller(headers)?;
    read(headers, caller, ALLOWANCE, &clock(), &Rng::seeded(1))
}

fn callers() -> impl Strategy<Value = Caller> {
    prop_oneof![Just(Caller::Anonymous), Just(Caller::Operator), Just(Caller::System)]
}

proptest! {
    #[test]
    fn a_call_survives_metadata(
        caller in callers(),
        org in proptest::option::of(any::<u128>()),
        trace_id in 1..u128::MAX,
        span_id in 1..u64::MAX,
        millis in 1..59_000u64,
        locale in "[a-z]{2,8}(-[a-z0-9]{1,8}){0,3}",
        region in proptest::option::of(prop_oneof![Just("US"), Just("AT"), Just("JP")]),
    ) {
        let call = Call {
            caller,
            org: org.map(|org| OrgId(Uuid::from_u128(org))),
            deadline: clock().now() + Duration::from_millis(millis),
            trace: Trace { trace_id, span_id },
            locale: locale.parse().unwrap(),
            region: region.map(|region| region.parse().unwrap()),
            origin: None,
        };
        let bearer = "Bearer secret".parse().unwrap();
        let left = call.remaining(&clock()).unwrap();
        let headers = request(&call, left, Some(&bearer), ()).unwrap().metadata().clone().into_headers();
        let read = from(&headers).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{call:?}"));
    }
}

#[test]
fn what_is_missing_gets_its_default() {
    let call = server(&[]).unwrap();
    assert_eq!(call.caller, Caller::Anonymous);
    assert_eq!(call.remaining(&clock()).unwrap(), ALLOWANCE.default);
    assert_eq!((call.locale, call.region, call.org), (Locale::english(), None, None));
    assert_ne!(call.trace.trace_id, 0);
}

#[test]
fn nobody_gets_more_time_than_the_server_allows() {
    let call = server(&[("grpc-timeout", "2H")]).unwrap();
    assert_eq!(call.remaining(&clock()).unwrap(), ALLOWANCE.most);
}

#[test]
fn bad_metadata_is_refused() {
    let cases: [(&[(&'static str, &str)], &str); 6] = [
        (&[("grpc-timeout", "soon")], "bad_metadata"),
        (&[("grpc-timeout", "123456789S")], "bad_metadata"),
        (&[("x-region", "XX")], "unknown_region"),
        (&[("x-org", "00000000-0000-0000-0000-000000000001")], "org_unproved"),
        (&[("authorization", "Bearer secret"), ("x-org", "acme")], "bad_metadata"),
        (&[("authorization", "Bearer guess")], "bad_token"),
    ];
    for (pairs, code) in cases {
        assert_eq!(server(pairs).unwrap_err().code, code, "{pairs:?}");
    }
}

#[test]
fn timeouts_have_a_unit() {
    let cases = [("5S", 5_000_000_000), ("1H", 3_600_000_000_000), ("2M", 120_000_000_000), ("7m", 7_000_000)];
    for (header, nanos) in cases.into_iter().chain([("9u", 9_000), ("99999999n", 99_999_999), ("0S", 0)]) {
        assert_eq!(timeout(header), Some(Duration::from_nanos(nanos)), "{header}");
    }
    for header in ["", "S", "5", "5s", "-5S", "1.5S", "5é"] {
        assert_eq!(timeout(header), None, "{header}");
    }
}

#[test]
fn the_first_language_that_is_one_counts() {
    let cases = [("de-AT;q=0.9, en;q=0.5", "de-at"), ("*, fr", "fr"), ("", "en"), ("1234", "en")];
    for (header, tag) in cases {
        assert_eq!(first_language(header).as_str(), tag, "{header}");
    }
}

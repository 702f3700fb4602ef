//! Rows that come out otherwise, and why.

/// By their start.
const KNOWN: &[(&str, &str)] = &[
    (
        "authz-semantics-018 ",
        "an invalid dry-run annotation is refused",
    ),
    ("authz-semantics-056 ", "an invalid port is refused"),
    (
        "authz-semantics-098 ",
        "an invalid address block is refused",
    ),
    (
        "authz-semantics-099 ",
        "an invalid address block is refused",
    ),
    ("authz-semantics-118 ", "an invalid key is refused"),
    ("authz-semantics-119 ", "an invalid key is refused"),
    ("jwt-integration-009 ", "its key set is a placeholder"),
    (
        "normalization-base Base:/app#foo",
        "stock Envoy answers 400",
    ),
    (
        "normalization-decode_and_merge_slashes DecodeAndMergeSlashes:/app#foo",
        "stock Envoy answers 400",
    ),
    (
        "normalization-merge_slashes MergeSlashes:/app#foo",
        "stock Envoy answers 400",
    ),
    (
        "custom no-rules-never-called",
        "CUSTOM without rules is refused",
    ),
    (
        "custom missing-provider-denies-match",
        "CUSTOM without a provider is refused",
    ),
    (
        "custom bad-port-value-widens-custom",
        "an invalid port is refused",
    ),
    (
        "custom custom-notRequestPrincipals-always-match",
        "CUSTOM on tokens is refused",
    ),
    (
        "custom dry-run-custom-is-enforced-as-deny",
        "CUSTOM as a dry run is refused",
    ),
    (
        "wycheproof/jws/264-",
        "a token without a payload is no JWT, to Envoy neither",
    ),
    ("wycheproof/jws/268-", "the same"),
    ("wycheproof/jws/272-", "the same"),
    (
        "wycheproof/jws/346-",
        "the key is for PS256 alone, the token is PS384; Envoy refuses too",
    ),
    ("wycheproof/jws/350-", "the same"),
    (
        "wycheproof/jws/367-",
        "the padding that it is about is not in the table's token",
    ),
    ("wycheproof/jws/370-", "the same"),
    (
        "wycheproof/jws/372-",
        "a `?` in the header is no base64url; Envoy refuses too",
    ),
    (
        "wycheproof/jwk/1-",
        "a set may have keys of several types, as in Envoy",
    ),
    (
        "wycheproof/jwk/4-",
        "keys of one `kid` are all tried, as in Envoy",
    ),
];

/// Fails where there are others.
pub fn assert_known(problems: &[String]) {
    let unknown = problems
        .iter()
        .filter(|problem| !KNOWN.iter().any(|(start, _)| problem.starts_with(start)));
    let unknown: Vec<&String> = unknown.collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

//! Trust domain aliases: names of one trust domain in identities.

use crate::config::Mesh;

/// The trust domain that stands for the local one, whatever its name is.
const LOCAL: &str = "cluster.local";

/// The names of the mesh's trust domain.
#[derive(Clone, Copy, Debug)]
pub struct TrustDomains<'a>(&'a Mesh);

impl<'a> TrustDomains<'a> {
    /// Those of `mesh`.
    pub fn new(mesh: &'a Mesh) -> Self {
        Self(mesh)
    }

    fn names(self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.0.trust_domain.as_str())
            .chain(self.0.trust_domain_aliases.iter().map(String::as_str))
    }

    /// The patterns that `principal` stands for.
    ///
    /// `td/ns/x/sa/y` whose trust domain is one of the mesh, matches one as a pattern, or is
    /// `cluster.local`, stands for the same account of every trust domain of the mesh. A pattern
    /// `*suffix` stays as it is for the trust domains that it matches. Everything else stands for
    /// itself.
    pub fn principals(self, principal: &str) -> Vec<String> {
        let account = match principal.split_once('/') {
            Some((domain, account)) if domain != "*" && account.matches('/').count() == 3 => {
                Some((domain, account))
            }
            _ => None,
        };
        let Some((domain, account)) =
            account.filter(|(domain, _)| *domain == LOCAL || self.names().any(matching(domain)))
        else {
            return vec![principal.to_owned()];
        };
        let suffix = domain.strip_prefix('*');
        unique(self.names().map(|name| match suffix {
            Some(suffix) if name.ends_with(suffix) => principal.to_owned(),
            _ => format!("{name}/{account}"),
        }))
    }

    /// The patterns that an entry of `trustDomains` stands for: a name of the mesh's trust domain
    /// stands for all of them, everything else for itself.
    pub fn trust_domains(self, domain: &str) -> Vec<String> {
        if self.names().any(|name| name == domain) {
            unique(self.names().map(str::to_owned))
        } else {
            vec![domain.to_owned()]
        }
    }
}

fn matching(pattern: &str) -> impl Fn(&str) -> bool {
    move |name| {
        name == pattern
            || pattern
                .strip_suffix('*')
                .is_some_and(|prefix| name.starts_with(prefix))
            || pattern
                .strip_prefix('*')
                .is_some_and(|suffix| name.ends_with(suffix))
    }
}

fn unique(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut list = Vec::new();
    for name in names {
        if !list.contains(&name) {
            list.push(name);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mesh(names: &[&str]) -> Mesh {
        let (first, aliases) = names.split_first().unwrap();
        Mesh {
            trust_domain: (*first).to_owned(),
            trust_domain_aliases: aliases.iter().map(|name| (*name).to_owned()).collect(),
            ..Mesh::default()
        }
    }

    #[test]
    fn principals_stand_for_every_alias() {
        // trust domains, principal, patterns
        type Row<'a> = (&'a [&'a str], &'a str, &'a [&'a str]);
        let rows: &[Row<'_>] = &[
            (&["cluster.local"], "*", &["*"]),
            (&["cluster.local"], "*/ns/foo/sa/bar", &["*/ns/foo/sa/bar"]),
            (
                &["td1", "cluster.local"],
                "cluster.local/ns/foo/sa/bar",
                &["td1/ns/foo/sa/bar", "cluster.local/ns/foo/sa/bar"],
            ),
            (&["td1", "td2"], "*sa/zzz", &["*sa/zzz"]),
            (
                &["td1"],
                "cluster.local/ns/foo/sa/bar",
                &["td1/ns/foo/sa/bar"],
            ),
            (
                &["td2", "foo-td1", "cluster.local"],
                "*-td1/ns/foo/sa/bar",
                &[
                    "td2/ns/foo/sa/bar",
                    "*-td1/ns/foo/sa/bar",
                    "cluster.local/ns/foo/sa/bar",
                ],
            ),
            (
                &["new-td", "old-td"],
                "*-td/ns/foo/sa/bar",
                &["*-td/ns/foo/sa/bar"],
            ),
            (
                &["td1", "td2"],
                "td*/ns/foo/sa/bar",
                &["td1/ns/foo/sa/bar", "td2/ns/foo/sa/bar"],
            ),
            (&["td1", "td2"], "td9/ns/a/sa/b", &["td9/ns/a/sa/b"]),
            (&["td1", "td2"], "td1/ns/a/sa/b/c", &["td1/ns/a/sa/b/c"]),
            (&["td1", "td2"], "td1", &["td1"]),
        ];
        for (names, principal, patterns) in rows {
            let mesh = mesh(names);
            let found = TrustDomains::new(&mesh).principals(principal);
            assert_eq!(found, *patterns, "{principal} in {names:?}");
        }
    }

    #[test]
    fn trust_domains_stand_for_their_aliases() {
        let mesh = mesh(&["td1", "td2"]);
        let domains = TrustDomains::new(&mesh);
        assert_eq!(domains.trust_domains("td2"), ["td1", "td2"]);
        assert_eq!(domains.trust_domains("td*"), ["td*"]);
        assert_eq!(domains.trust_domains(LOCAL), [LOCAL]);
    }
}

//! Action CUSTOM beside Envoy's own `ext_authz`: the same question, the same answer to the client,
//! the same request to the application.

mod pair;
mod rows;

use pair::Pair;
use palisade_tests::Error;

#[test]
fn what_envoy_does() -> Result<(), Error> {
    let rows = rows::all();
    let pair = Pair::start(&rows)?;
    let mut differences = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let (native, ours) = pair.ask(index, row)?;
        if native != ours {
            let only = |here: &[String], there: &[String]| -> Vec<String> {
                let lines = here.iter().filter(|line| !there.contains(line));
                lines.cloned().collect()
            };
            differences.push(format!(
                "{}\n  only native: {:#?}\n  only ours: {:#?}",
                row.name,
                only(&native, &ours),
                only(&ours, &native),
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

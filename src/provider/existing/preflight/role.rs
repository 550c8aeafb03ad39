//! Prints the permissions as a Role for an administrator.

use super::access::{Need, RIGHTS, Right, Scope};

/// The name of the Role and of the ClusterRole.
const NAME: &str = "clearml-local";

/// Returns the Role with exactly the permissions that the program needs in the namespace,
/// and a ClusterRole with those that it can do without, as YAML with comments.
pub(crate) fn role(namespace: &str) -> String {
    let required = rules(|right| right.scope == Scope::Namespace && right.need == Need::Always);
    let checks = rules(|right| right.scope == Scope::Namespace && right.need == Need::Optional);
    let create = rules(|right| right.need == Need::NewNamespace);
    let cluster = rules(|right| right.scope == Scope::Cluster && right.need == Need::Optional);
    format!(
        "\
# What clearml-local needs to install and run a server in the namespace
# {namespace}. Create the namespace before. Bind the Role to a user, a group or a service
# account, for example:
#   kubectl create rolebinding {NAME} --namespace {namespace} --role {NAME} --user NAME
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {NAME}
  namespace: {namespace}
rules:
{required}  # Optional: without these, checks before the installation are left out.
{checks}---
# Optional. These permissions are for the whole cluster. Without this ClusterRole, `up`
# warns about the checks that it leaves out. Bind it with, for example:
#   kubectl create clusterrolebinding {NAME} --clusterrole {NAME} --user NAME
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {NAME}
rules:
  # Only checks read these.
{cluster}  # Only for a namespace that does not exist yet. Remove it if an administrator creates
  # the namespace.
{create}"
    )
}

/// Returns the rules for some of the rights: one for each API group and list of verbs.
fn rules(wanted: impl Fn(&Right) -> bool) -> String {
    let mut rules: Vec<Vec<&Right>> = Vec::new();
    for right in RIGHTS.iter().filter(|right| wanted(right)) {
        let same =
            |rule: &&mut Vec<&Right>| rule[0].group == right.group && rule[0].verbs == right.verbs;
        match rules.iter_mut().find(same) {
            Some(rule) => rule.push(right),
            None => rules.push(vec![right]),
        }
    }
    let rule = |rights: Vec<&Right>| {
        let mut comments = String::new();
        for right in &rights {
            comments.push_str(&format!("    # {}: {}\n", right.resource, right.why));
        }
        let resources: Vec<&str> = rights.iter().map(|right| right.resource).collect();
        format!(
            "  - apiGroups: [\"{}\"]\n{comments}    resources: [{}]\n    verbs: [{}]\n",
            rights[0].group,
            resources.join(", "),
            rights[0].verbs.join(", "),
        )
    };
    rules.into_iter().map(rule).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn the_role_has_exactly_the_permissions_of_the_table() {
        let documents = yaml::documents(&role("ml")).unwrap();
        assert_eq!(documents[0]["metadata"]["namespace"], "ml");
        for (document, scope) in documents.iter().zip([Scope::Namespace, Scope::Cluster]) {
            let strings = |value: &serde_json::Value| {
                let all = value.as_array().unwrap().iter();
                all.map(|one| one.as_str().unwrap().to_owned())
                    .collect::<Vec<_>>()
            };
            let mut printed: Vec<(String, String, Vec<String>)> = Vec::new();
            for rule in document["rules"].as_array().unwrap() {
                for resource in strings(&rule["resources"]) {
                    let group = rule["apiGroups"][0].as_str().unwrap().to_owned();
                    printed.push((group, resource, strings(&rule["verbs"])));
                }
            }
            let of_table = RIGHTS.iter().filter(|right| right.scope == scope);
            let mut of_table: Vec<_> = of_table
                .map(|right| {
                    let verbs = right.verbs.iter().map(|verb| (*verb).to_owned()).collect();
                    (right.group.to_owned(), right.resource.to_owned(), verbs)
                })
                .collect();
            printed.sort();
            of_table.sort();
            assert_eq!(printed, of_table);
        }
    }

    #[test]
    fn the_role_as_text() {
        insta::assert_snapshot!(role("clearml"));
    }
}

//! What a page did: its requests and its messages, and which of them are problems.

use serde_json::Value;

/// A request of the page.
#[derive(Debug, Clone)]
pub struct Request {
    id: String,
    pub method: String,
    pub url: String,
    /// Its status, or why there is none.
    pub answer: Option<Result<u64, String>>,
    finished: bool,
}

impl Request {
    /// Returns scheme, host and port.
    pub fn origin(&self) -> &str {
        let host = self.url.find("://").map_or(0, |at| at + 3);
        let end = self.url[host..].find(['/', '?']);
        &self.url[..end.map_or(self.url.len(), |at| host + at)]
    }

    /// Returns the host name, without the port.
    fn host(&self) -> &str {
        let (_, authority) = self.origin().split_once("://").unwrap_or_default();
        match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        }
    }

    /// Returns everything after the origin.
    pub fn path(&self) -> &str {
        &self.url[self.origin().len()..]
    }

    fn is_to(&self, hosts: &[String]) -> bool {
        hosts.iter().any(|host| host == self.host())
    }

    fn problem(&self) -> Option<String> {
        let why = match &self.answer {
            Some(Ok(status)) if *status < 400 => return None,
            // The web app has optional ones.
            Some(Ok(404)) if self.method == "GET" && self.url.ends_with(".json") => return None,
            Some(Ok(status)) => status.to_string(),
            Some(Err(reason)) => reason.clone(),
            None => "no answer".into(),
        };
        Some(format!("{} {}: {why}", self.method, self.url))
    }
}

/// Everything that a page did until it was complete.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub url: String,
    pub title: String,
    pub text: String,
    pub asked_for_login: bool,
    pub logged_in: bool,
    pub requests: Vec<Request>,
    /// Messages of the page, each after its level, such as `error`.
    pub console: Vec<(String, String)>,
    /// Everything that is wrong.
    pub problems: Vec<String>,
}

impl Seen {
    /// Records an event of the browser.
    pub(super) fn record(&mut self, event: &Value) {
        let params = &event["params"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let id = text(&params["requestId"]);
        match event["method"].as_str().unwrap_or_default() {
            "Network.requestWillBeSent" => {
                if let Some(status) = params["redirectResponse"]["status"].as_u64() {
                    self.answer(&id, Ok(status));
                    self.finish(&id);
                }
                let url = text(&params["request"]["url"]);
                if url.starts_with("http") {
                    self.requests.push(Request {
                        id,
                        method: text(&params["request"]["method"]),
                        url,
                        answer: None,
                        finished: false,
                    });
                }
            }
            "Network.responseReceived" => {
                let status = params["response"]["status"].as_u64().unwrap_or_default();
                self.answer(&id, Ok(status));
            }
            "Network.loadingFinished" => self.finish(&id),
            "Network.loadingFailed" => {
                let cors = params["corsErrorStatus"]["corsError"].as_str();
                let reason = cors.or(params["errorText"].as_str()).unwrap_or_default();
                self.answer(&id, Err(reason.to_owned()));
                self.finish(&id);
            }
            "Runtime.consoleAPICalled" => {
                let arguments = params["args"].as_array().into_iter().flatten();
                let words = arguments.map(|one| match &one["value"] {
                    Value::Null => text(&one["description"]),
                    Value::String(word) => word.clone(),
                    other => other.to_string(),
                });
                let words: Vec<String> = words.collect();
                self.console.push((text(&params["type"]), words.join(" ")));
            }
            "Runtime.exceptionThrown" => {
                let details = &params["exceptionDetails"];
                let what = details["exception"]["description"].as_str();
                let what = what.map_or_else(|| text(&details["text"]), str::to_owned);
                self.console.push(("error".into(), what));
            }
            // Those about the network are in the list of requests.
            "Log.entryAdded" if params["entry"]["source"] != "network" => {
                let entry = &params["entry"];
                self.console
                    .push((text(&entry["level"]), text(&entry["text"])));
            }
            _ => {}
        }
    }

    fn answer(&mut self, id: &str, answer: Result<u64, String>) {
        if let Some(request) = self.last(id) {
            request.answer = Some(answer);
        }
    }

    fn finish(&mut self, id: &str) {
        if let Some(request) = self.last(id) {
            request.finished = true;
        }
    }

    fn last(&mut self, id: &str) -> Option<&mut Request> {
        let requests = self.requests.iter_mut().rev();
        requests.into_iter().find(|request| request.id == id)
    }

    /// Whether a call of the API was answered with success.
    pub(super) fn answered(&self, endpoint: &str) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|request| {
            let path = request.path().split('?').next().unwrap_or_default();
            request.method == "POST" && path.ends_with(endpoint) && request.answer == Some(Ok(200))
        })
    }

    /// Whether no request waits for its answer.
    pub(super) fn quiet(&self) -> bool {
        self.requests.iter().all(|request| request.finished)
    }

    /// Whether a call of the API on one of these hosts failed.
    pub(super) fn has_failed_call(&self, hosts: &[String]) -> bool {
        let mut requests = self.requests.iter();
        requests.any(|request| {
            request.method == "POST" && request.is_to(hosts) && request.problem().is_some()
        })
    }

    /// Returns everything that is wrong. Requests may go to these hosts only.
    pub(super) fn problems_with(&self, hosts: &[String]) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.logged_in {
            let shown = match self.text.trim() {
                "" => "the page is empty".to_owned(),
                text => format!("the page shows: {}", text.replace('\n', " | ")),
            };
            problems.push(format!("no user is logged in: {shown}"));
        }
        let foreign = self.requests.iter();
        let foreign = foreign.filter(|request| !request.is_to(hosts));
        problems
            .extend(foreign.map(|request| format!("a request to another host: {}", request.url)));
        problems.extend(self.requests.iter().filter_map(Request::problem));
        let errors = self.console.iter().filter(|(level, _)| level == "error");
        problems.extend(errors.map(|(_, text)| format!("error in the console: {text}")));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Returns what a page did whose user is logged in, and that sent one more request.
    fn page(url: &str, answer: &Value) -> Seen {
        let mut seen = Seen {
            logged_in: true,
            ..Seen::default()
        };
        for (method, params) in [
            (
                "Network.requestWillBeSent",
                json!({"requestId": "1", "request": {"method": "POST", "url": url}}),
            ),
            (answer["event"].as_str().unwrap(), answer["params"].clone()),
        ] {
            seen.record(&json!({"method": method, "params": params}));
        }
        seen
    }

    fn problems(url: &str, answer: &Value) -> Vec<String> {
        page(url, answer).problems_with(&["localhost".into(), "[::1]".into()])
    }

    fn status(status: u64) -> Value {
        let params = json!({"requestId": "1", "response": {"status": status}});
        json!({"event": "Network.responseReceived", "params": params})
    }

    #[test]
    fn requests_to_other_hosts_are_problems() {
        for own in [
            "http://localhost:8008/a.b",
            "http://localhost",
            "http://[::1]:80/?x",
        ] {
            assert_eq!(problems(own, &status(200)), [""; 0], "{own}");
        }
        for other in [
            "https://api.github.com/x",
            "http://localhost.example.com/",
            "http://[::2]/",
        ] {
            let expected = format!("a request to another host: {other}");
            assert_eq!(problems(other, &status(200)), [expected]);
        }
    }

    #[test]
    fn requests_without_success_are_problems() {
        let url = "http://localhost:8008/auth.login";
        assert_eq!(problems(url, &status(401)), [format!("POST {url}: 401")]);
        let params = json!({"requestId": "1", "errorText": "net::ERR_CONNECTION_REFUSED"});
        let failed = json!({"event": "Network.loadingFailed", "params": params});
        let expected = format!("POST {url}: net::ERR_CONNECTION_REFUSED");
        assert_eq!(problems(url, &failed), [expected]);
    }

    #[test]
    fn a_missing_json_file_is_no_problem() {
        let mut seen = page("http://localhost/tips.json", &status(404));
        assert!(seen.problems_with(&["localhost".into()])[0].contains("404"));
        seen.requests[0].method = "GET".into();
        assert_eq!(seen.problems_with(&["localhost".into()]), [""; 0]);
    }

    #[test]
    fn a_call_has_a_path_before_its_endpoint() {
        for path in [
            "users.get_current_user",
            "api/v2.34/users.get_current_user?a",
        ] {
            let seen = page(&format!("http://localhost/{path}"), &status(200));
            assert!(seen.answered("/users.get_current_user"), "{path}");
            assert!(!seen.answered("/users.get_all"), "{path}");
        }
    }

    #[test]
    fn exceptions_are_errors_in_the_console() {
        let details = json!({"text": "Uncaught", "exception": {"description": "TypeError: x"}});
        let params = json!({"exceptionDetails": details});
        let thrown = json!({"event": "Runtime.exceptionThrown", "params": params});
        let problems = problems("data:text/html,x", &thrown);
        assert_eq!(problems, ["error in the console: TypeError: x"]);
    }
}

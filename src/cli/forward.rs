//! `clearml-local forward`.

use std::ffi::OsString;

use serde_json::json;

use super::signals::{or_interrupted, until_stopped};
use super::{Context, credentials};
use crate::error::Result;
use crate::event::Events;
use crate::forward::{self, Forwarding, Listeners, Started};
use crate::hint::{Hint, ours};
use crate::kube::Notice;
use crate::probe::Endpoints;
use crate::sdk;
use crate::secrets::Credentials;
use crate::settings::{HostPorts, Ingress, check_ports};
use crate::state::Background;
use crate::values::AccessValues;

/// Forward ports of this machine to the server
///
/// Opens ports on 127.0.0.1 for the web app, the API server and the file server, and prints the
/// configuration for the SDK. Connections go through the Kubernetes API to a pod that is ready,
/// so they work again after pods were replaced. Runs until Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local forward
  clearml-local forward --detach
  clearml-local forward --stop
  clearml-local forward --web-port 9080 --api-port 9008 --files-port 9081")]
pub(super) struct Args {
    /// Run in the background
    #[arg(short, long)]
    detach: bool,
    /// Stop the forward that runs in the background
    #[arg(long, conflicts_with_all = ["detach", "web_port", "api_port", "files_port"])]
    stop: bool,
    /// Port of the web app
    #[arg(long, value_name = "PORT", default_value_t = HostPorts::FORWARDED.web, value_parser = port())]
    web_port: u16,
    /// Port of the API server
    #[arg(long, value_name = "PORT", default_value_t = HostPorts::FORWARDED.api, value_parser = port())]
    api_port: u16,
    /// Port of the file server
    #[arg(long, value_name = "PORT", default_value_t = HostPorts::FORWARDED.files, value_parser = port())]
    files_port: u16,
    /// Whether this is the process in the background
    #[arg(long, hide = true, conflicts_with_all = ["detach", "stop"])]
    background: bool,
}

fn port() -> clap::builder::RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(1..)
}

impl Args {
    fn ports(&self) -> Result<HostPorts> {
        let ports = HostPorts {
            web: self.web_port,
            api: self.api_port,
            files: self.files_port,
        };
        check_ports(ports, &Ingress::default())?;
        Ok(ports)
    }
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let next = Hint::run("try again", ours!(Forward));
    if args.stop {
        return or_interrupted(stop(context), next).await;
    }
    let ports = args.ports()?;
    if args.background {
        return until_stopped(run_in_background(ports, context)).await;
    }
    if args.detach {
        return or_interrupted(detach(ports, context), next).await;
    }
    // Ctrl-C is the normal way to end it.
    until_stopped(run_here(ports, context)).await
}

async fn run_here(ports: HostPorts, context: &Context) -> Result<u8> {
    let listeners = Listeners::bind(ports, context.state.background()?).await?;
    let events = Events::silent();
    let provider = context.provider(&events).await?;
    let session = context.session(&*provider, &events);
    let cluster = forward::cluster(&session).await?;
    let mut forwarding = Forwarding::start(listeners, &cluster, session)?;
    report(ports, context, None).await?;
    context.output.note("\nForwarding until Ctrl-C.");
    loop {
        show(&forwarding.next().await?, context)?;
    }
}

/// Runs as the process that `--detach` starts. Its messages are its log.
async fn run_in_background(ports: HostPorts, context: &Context) -> Result<u8> {
    let mut lock = forward::lock(&context.state).await?;
    let listeners = Listeners::bind(ports, None).await?;
    let events = Events::silent();
    let provider = context.provider(&events).await?;
    let session = context.session(&*provider, &events);
    let cluster = forward::cluster(&session).await?;
    let mut forwarding = Forwarding::start(listeners, &cluster, session)?;
    let process = std::process::id();
    lock.write(Background { process, ports })?;
    loop {
        show(&forwarding.next().await?, context)?;
    }
}

async fn detach(ports: HostPorts, context: &Context) -> Result<u8> {
    if context.state.background()?.is_none() {
        // The same problems as in the background, with their hints.
        drop(Listeners::bind(ports, None).await?);
        let events = Events::silent();
        let provider = context.provider(&events).await?;
        forward::cluster(&context.session(&*provider, &events)).await?;
    }
    let mut arguments: Vec<OsString> = vec!["forward".into(), "--background".into()];
    arguments.extend(["--name".into(), context.name.to_string().into()]);
    for (flag, port) in ports.each() {
        arguments.extend([flag.into(), port.to_string().into()]);
    }
    let started = forward::detach(&context.state, ports, arguments).await?;
    report(ports, context, Some(started)).await?;
    let (verb, process) = match started {
        Started::New(background) => ("Forwarding", background.process),
        Started::Running(background) => ("Already forwarding", background.process),
    };
    let stop = ours!(Forward, "--stop").of(context.name.non_default());
    context.output.note(&format!(
        "\n{verb} in the background (process {process}). Stop it: {stop}"
    ));
    Ok(0)
}

async fn stop(context: &Context) -> Result<u8> {
    let changed = forward::stop(&context.state).await?;
    if context.output.is_json() {
        let done = json!({"name": context.name, "changed": changed});
        context.output.event("forward-stopped", &done)?;
        return Ok(0);
    }
    context.output.note(match changed {
        true => "Stopped the forward in the background.",
        false => "No forward runs in the background: nothing to do.",
    });
    Ok(0)
}

/// Prints the addresses and the configuration for the SDK.
async fn report(ports: HostPorts, context: &Context, started: Option<Started>) -> Result<()> {
    let (instance, secrets) = credentials::find(context).await?;
    let values = AccessValues::of(&instance.values.files, &instance.values.sets);
    let credentials: &Credentials = &values.login(&secrets);
    let endpoints = Endpoints::on_loopback(ports);
    if !ports.known_to_web_app() {
        context.output.warn(
            "the web app of releases before 1.15 finds the API only if the ports are 8080, 8008 \
             and 8081, or 30080, 30008 and 30081: its page may stay empty",
        );
    }
    if context.output.is_json() {
        let forwarding = json!({
            "name": context.name,
            "endpoints": endpoints,
            "accessKey": credentials.access_key,
            "secretKey": credentials.secret_key,
            "process": started.map(Started::process),
        });
        context.output.event("forwarding", &forwarding)?;
        return Ok(());
    }
    context.output.endpoints(&endpoints)?;
    let conf = sdk::complete(&endpoints, credentials);
    context.output.data(&format!("\n{conf}"))?;
    Ok(())
}

/// Shows what happened to connections.
fn show(notice: &Notice, context: &Context) -> Result<()> {
    if context.output.is_json() {
        match notice {
            Notice::Replaced {
                component,
                previous,
                pod,
            } => {
                let replaced = json!({"component": component, "previous": previous, "pod": pod});
                context.output.event("pod-replaced", &replaced)?;
            }
            Notice::Failed { component, reason } => {
                let failed = json!({"component": component, "reason": reason});
                context.output.event("connection-failed", &failed)?;
            }
        }
        return Ok(());
    }
    match notice {
        Notice::Replaced {
            component,
            previous,
            pod,
        } => context.output.note(&format!(
            "{component}: connections go to {pod}, because {previous} was replaced"
        )),
        Notice::Failed { component, reason } => context
            .output
            .warn(&format!("{component}: a connection failed: {reason}")),
    }
    Ok(())
}

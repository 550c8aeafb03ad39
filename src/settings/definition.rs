//! The macros that define options and settings.

use clap::{Args, Command};

use crate::path::quoted;

/// Defines a group of options and its method `or`, which merges options of two sources.
macro_rules! options {
    (
        $(#[$($attribute:tt)*])*
        pub struct $name:ident {
            $($(#[$($field_attribute:tt)*])* pub $field:ident: $type:ty,)*
        }
    ) => {
        $(#[$($attribute)*])*
        pub struct $name {
            $($(#[$($field_attribute)*])* pub $field: $type,)*
        }

        impl $name {
            /// Takes options that are not set from `fallback`.
            #[must_use]
            pub fn or(self, fallback: $name) -> $name {
                $name { $($field: self.$field.or(fallback.$field),)* }
            }
        }
    };
}

/// Defines a group of settings: `struct Options => Settings(parameters of the defaults)`.
///
/// A field is one of:
///
/// - `field: Type = default`: an option, which is saved as it is;
/// - `option: Type => field: Saved = default`: an option that is saved under another name or as
///   another type, which has `TryFrom<Type>`;
/// - `field: Type = default` without `#[arg]`: saved, but not an option.
///
/// The help is the doc comment, `#[arg]` is for clap, the key of `clearml-local.yaml` is the name
/// of the option in camel case, and `#[saved]` is serde's attribute for the saved form. A type
/// displays itself as the argument of its option. Generates:
///
/// - `Options`: each option as an `Option`, for clap and serde, with `or`, `apply` and `given`;
/// - `Settings`: the values, for serde, with `with_defaults` and `options_to_restore`.
macro_rules! settings {
    (
        $(#[$($attribute:tt)*])*
        pub struct $options:ident =>
        $(#[$($saved_attribute:tt)*])*
        $settings:ident($($given:ident: $given_type:ty),*) {
            $($fields:tt)*
        }
    ) => {
        settings! {
            @read
            {
                [$(#[$($attribute)*])*] $options
                [$(#[$($saved_attribute)*])*] $settings ($($given: $given_type),*)
            }
            [] []
            $($fields)*
        }
    };

    // One field after the other is read into a list of options and a list of other fields.
    (
        @read $group:tt $options:tt $others:tt
        $(#[doc $($doc:tt)*])* #[arg $($arg:tt)*] $(#[saved $saved:tt])?
        pub $option:ident: $type:ty = $default:expr,
        $($rest:tt)*
    ) => {
        settings! {
            @read $group $options $others
            $(#[doc $($doc)*])* #[arg $($arg)*] $(#[saved $saved])?
            pub $option: $type => $option: $type = $default,
            $($rest)*
        }
    };
    (
        @read $group:tt [$($options:tt)*] $others:tt
        $(#[doc $($doc:tt)*])* #[arg $($arg:tt)*] $(#[saved $saved:tt])?
        pub $option:ident: $type:ty => $field:ident: $saved_type:ty = $default:expr,
        $($rest:tt)*
    ) => {
        settings! {
            @read $group
            [
                $($options)*
                {
                    [$(#[doc $($doc)*])*] [#[arg $($arg)*]] [$(#[serde $saved])?]
                    $option: $type => $field: $saved_type = $default
                }
            ]
            $others
            $($rest)*
        }
    };
    (
        @read $group:tt $options:tt [$($others:tt)*]
        $(#[doc $($doc:tt)*])* $(#[saved $saved:tt])?
        pub $field:ident: $type:ty = $default:expr,
        $($rest:tt)*
    ) => {
        settings! {
            @read $group $options
            [
                $($others)*
                { [$(#[doc $($doc)*])* $(#[serde $saved])?] $field: $type = $default }
            ]
            $($rest)*
        }
    };

    (
        @read
        {
            [$($attributes:tt)*] $options:ident
            [$($saved_attributes:tt)*] $settings:ident ($($given:ident: $given_type:ty),*)
        }
        [$({
            [$($doc:tt)*] [$($arg:tt)*] [$($saved:tt)*]
            $option:ident: $type:ty => $field:ident: $saved_type:ty = $default:expr
        })*]
        [$({ [$($other_attributes:tt)*] $other:ident: $other_type:ty = $other_default:expr })*]
    ) => {
        options! {
            #[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, serde::Deserialize)]
            #[serde(rename_all = "camelCase", default)]
            $($attributes)*
            pub struct $options {
                $($($doc)* $($arg)* pub $option: Option<$type>,)*
            }
        }

        impl $options {
            /// Returns the settings with the options that are set.
            pub fn apply(&self, mut to: $settings) -> Result<$settings, $crate::settings::Error> {
                $(if let Some(option) = &self.$option {
                    to.$field = option.clone().try_into()?;
                })*
                Ok(to)
            }

            /// Returns the names of the options that are set, such as `--web-port`.
            pub fn given(&self) -> Vec<String> {
                let fields = [$((stringify!($option), self.$option.is_some()),)*];
                let given = fields.into_iter().filter(|(_, is_set)| *is_set);
                given.map(|(field, _)| format!("--{}", field.replace('_', "-"))).collect()
            }
        }

        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        $($saved_attributes)*
        pub struct $settings {
            $($($doc)* $($saved)* pub $field: $saved_type,)*
            $($($other_attributes)* pub $other: $other_type,)*
        }

        impl $settings {
            pub fn with_defaults($($given: $given_type),*) -> $settings {
                $settings { $($field: $default,)* $($other: $other_default,)* }
            }

            /// Returns the options that restore the settings `before`.
            pub(super) fn options_to_restore(&self, before: &$settings) -> Vec<String> {
                $crate::settings::definition::options_to_restore::<$options>(&[
                    $((stringify!($option), self.$field.to_string(), before.$field.to_string()),)*
                ])
            }
        }
    };
}

pub(crate) use options;

/// Returns the options of a group that restore its settings. Each setting is its option, its
/// value and its value before.
pub(super) fn options_to_restore<Options: Args>(
    settings: &[(&str, String, String)],
) -> Vec<String> {
    let command = Options::augment_args(Command::default());
    let changed = settings.iter().filter(|(_, now, before)| now != before);
    let option = |(field, _, before): &(&str, String, String)| {
        let mut options = command.get_arguments();
        let arg = options.find(|arg| arg.get_id() == field)?;
        let separator = if arg.is_require_equals_set() {
            '='
        } else {
            ' '
        };
        Some(format!(
            "--{}{separator}{}",
            arg.get_long()?,
            quoted(before)
        ))
    };
    changed.filter_map(option).collect()
}

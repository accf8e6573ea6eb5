//! Settings whose doc comments are their help text.

/// The lines that stand above one setting.
pub type Help = &'static [&'static str];

/// Declares a struct of settings and keeps each field's doc comment for `annuli config` to print: a setting is
/// explained once, where it is declared.
macro_rules! settings {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[doc = $line:literal])+ $(#[serde($($serde:tt)*)])* pub $field:ident: $kind:ty,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $line])+ $(#[serde($($serde)*)])* pub $field: $kind,)+
        }

        impl $name {
            /// Every setting with its help, in the order of their declaration.
            pub const HELP: &'static [(&'static str, crate::config::help::Help)] =
                &[$((stringify!($field), &[$($line),+])),+];
        }
    };
}

pub(crate) use settings;

//! arguments → command → exit code; one file per subcommand.

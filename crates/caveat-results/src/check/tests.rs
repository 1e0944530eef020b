//! Tests of checking trial tables, without the command.

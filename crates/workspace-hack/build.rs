//! Without a build script, dependencies of one would not count.

fn main() {}

//! Stand-ins for the images of a ClearML release.
fn main() {}

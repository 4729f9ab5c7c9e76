//! Tests of the public interface.

mod assign;

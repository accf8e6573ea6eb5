//! The innermost loops alone: distance kernels in every form that this processor runs, and the k nearest of many.
//!
//! Medians over samples of a millisecond, and the least, which other work on the machine disturbs least. This crate
//! builds in seconds: it knows the core and nothing else.
#![expect(clippy::print_stdout, reason = "the tables are this program's output")]

mod columns;
mod kernels;
mod numbers;
mod timing;
mod top_k;

fn main() {
    kernels::measure();
    println!();
    top_k::measure();
    println!();
    columns::measure();
}

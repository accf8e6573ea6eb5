//! Distance kernels: one pair again and again, which shows the arithmetic, and many rows in a sequence, which shows
//! the memory.

use crate::numbers::Numbers;
use crate::timing::{Timing, time};
use annuli_core::kernel::{self, Kernels};
use std::hint::black_box;

/// GloVe, the shipped data set, Fashion-MNIST, and a common size of large embedding models.
const DIMS: [usize; 4] = [100, 256, 784, 1536];

/// Twice the third-level cache of the processors that we measure on.
const SCANNED_BYTES: usize = 64 * 1024 * 1024;

type Kernel = fn(&Kernels, &[f32], &[f32]) -> f32;

const KERNELS: [(&str, Kernel); 2] = [("dot", Kernels::dot), ("squared_euclidean", Kernels::squared_euclidean)];

/// Prints a row for each kernel, dimension and form.
pub(crate) fn measure() {
    println!("distance kernels, ns a call");
    println!("{:17} {:>5} {:8} {:>19} {:>19}", "", "", "", "one pair", "scan of 64 MiB");
    let columns = format!("{:>9} {:>9}", "median", "least");
    println!("{:17} {:>5} {:8} {columns} {columns}", "kernel", "dim", "form");
    for dim in DIMS {
        let mut numbers = Numbers::new(1);
        let (query, rows) = (numbers.components(dim), numbers.components(SCANNED_BYTES / size_of::<f32>() + dim));
        // As in a segment, the first row starts on a cache line.
        let rows = &rows[rows.as_ptr().align_offset(64)..];
        for (name, kernel) in KERNELS {
            for form in kernel::available() {
                let pair = one_pair(kernel, &form, &query, &rows[..dim]);
                let scan = scan(kernel, &form, &query, rows);
                println!("{name:17} {dim:>5} {:8} {pair} {scan}", form.name);
            }
        }
    }
}

fn one_pair(kernel: Kernel, form: &Kernels, a: &[f32], b: &[f32]) -> Timing {
    const CALLS: usize = 1000;
    time(CALLS, || {
        for _ in 0..CALLS {
            black_box(kernel(form, black_box(a), black_box(b)));
        }
    })
}

fn scan(kernel: Kernel, form: &Kernels, query: &[f32], rows: &[f32]) -> Timing {
    time(rows.len() / query.len(), || {
        for row in rows.chunks_exact(query.len()) {
            black_box(kernel(form, black_box(query), row));
        }
    })
}

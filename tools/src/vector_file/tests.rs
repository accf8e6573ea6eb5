use super::*;
use std::fs;

/// Writes a file of that name, and reads all its rows.
fn rows_of(name: &str, bytes: &[u8]) -> Result<Vec<Vec<f32>>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    let read = || {
        let mut file = VectorFile::open(&path)?;
        let mut rows = Vec::new();
        while let Some(row) = file.next_row()? {
            rows.push(row);
        }
        assert_eq!(file.shape().rows, rows.len() as u64);
        Ok(rows)
    };
    read().map_err(|error: VectorFileError| error.to_string().replace(path.to_str().unwrap(), name))
}

#[track_caller]
fn check_refused(name: &str, bytes: &[u8], message: &str) {
    assert_eq!(rows_of(name, bytes).unwrap_err(), message);
}

fn npy_with(version: u8, header: &str, data: &[u8]) -> Vec<u8> {
    let length = header.len();
    let length = match version {
        1 => u16::try_from(length).unwrap().to_le_bytes().to_vec(),
        _ => u32::try_from(length).unwrap().to_le_bytes().to_vec(),
    };
    [b"\x93NUMPY", &[version, 0][..], &length, header.as_bytes(), data].concat()
}

fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy_with(1, &format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n"), data)
}

fn singles(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

const MATRIX: [[f32; 3]; 2] = [[1.0, -2.5, 0.0], [65504.0, 0.5, -0.0]];

fn matrix() -> Vec<u8> {
    singles(&MATRIX.concat())
}

#[test]
fn a_matrix_of_each_float_is_read() {
    let halves = [0x3c00_u16, 0xc100, 0, 0x7bff, 0x3800, 0x8000];
    let halves: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
    let doubles: Vec<u8> = MATRIX.concat().iter().flat_map(|number| f64::from(*number).to_le_bytes()).collect();
    for (descr, data) in [("<f2", halves), ("<f4", matrix()), ("<f8", doubles)] {
        let rows = rows_of("m.npy", &npy(descr, "(2, 3)", &data)).unwrap();
        assert_eq!(rows, MATRIX, "{descr}");
        assert!(rows[1][2].is_sign_negative(), "{descr}");
    }
}

#[test]
fn a_double_is_rounded_to_the_nearest_single() {
    let data = [0.1_f64, 1e300].map(f64::to_le_bytes).concat();
    assert_eq!(rows_of("m.npy", &npy("<f8", "(1, 2)", &data)).unwrap(), [[0.1, f32::INFINITY]]);
}

#[test]
fn each_version_of_the_header_is_read() {
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";
    for version in [1, 2, 3] {
        assert_eq!(rows_of("m.npy", &npy_with(version, header, &matrix())).unwrap(), MATRIX, "{version}");
    }
    let message = "`m.npy` has version 4 of the .npy format; versions 1 to 3 are read";
    check_refused("m.npy", &npy_with(4, header, &matrix()), message);
}

#[test]
fn an_array_of_another_kind_is_refused() {
    let kind = |descr| npy(descr, "(2, 3)", &[0; 24]);
    let hint = "read are <f2, <f4 and <f8: convert it with `array.astype('<f4')`";
    check_refused("m.npy", &kind(">f4"), &format!("`m.npy` holds `>f4`; {hint}"));
    check_refused("m.npy", &kind("<i4"), &format!("`m.npy` holds `<i4`; {hint}"));
    let shape = |shape| npy("<f4", shape, &[0; 24]);
    check_refused("m.npy", &shape("(6,)"), "`m.npy` has 1 dimensions; a matrix has 2: a row for each vector");
    check_refused("m.npy", &shape("(1, 2, 3)"), "`m.npy` has 3 dimensions; a matrix has 2: a row for each vector");
    let wide = "`m.npy` has rows that cannot be stored: an index cannot have dimension 5000: it needs 1 to 4096";
    check_refused("m.npy", &shape("(1, 5000)"), wide);
    let fortran = npy_with(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3)}", &matrix());
    let message = "`m.npy` is in Fortran order: save it with `numpy.ascontiguousarray(array)`";
    check_refused("m.npy", &fortran, message);
}

#[test]
fn a_cut_or_longer_array_is_refused_before_its_first_row() {
    let whole = npy("<f4", "(2, 3)", &matrix());
    let bytes = whole.len();
    let message = |found: usize| format!("`m.npy` has {found} bytes, its header asks for {bytes}");
    check_refused("m.npy", &whole[..bytes - 1], &message(bytes - 1));
    check_refused("m.npy", &[&whole[..], &[0]].concat(), &message(bytes + 1));
    let huge = npy("<f4", "(18446744073709551615, 4096)", &matrix());
    assert!(rows_of("m.npy", &huge).unwrap_err().contains("its header asks for 302231454903657293"));
}

#[test]
fn every_cut_within_the_header_is_refused() {
    let whole = npy("<f4", "(2, 3)", &matrix());
    let header = whole.len() - matrix().len();
    for length in 0..header {
        let error = rows_of("m.npy", &whole[..length]).unwrap_err();
        let magic = "`m.npy` is no .npy file: it does not begin with the magic bytes of one";
        assert_eq!(error, if length < 6 { magic } else { "`m.npy` is cut off within its header" }, "{length}");
    }
    check_refused(
        "m.npy",
        b"PK\x03\x04 an .npz is a zip",
        "`m.npy` is no .npy file: it does not begin with the magic bytes of one",
    );
    let long = npy_with(2, &" ".repeat(70_000), &[]);
    check_refused("m.npy", &long, "`m.npy` has a header of 70000 bytes, the limit is 65536");
}

fn fvecs(rows: &[&[f32]]) -> Vec<u8> {
    let row = |row: &&[f32]| [&i32::try_from(row.len()).unwrap().to_le_bytes()[..], &singles(row)].concat();
    rows.iter().flat_map(row).collect()
}

#[test]
fn rows_of_fvecs_are_read() {
    assert_eq!(rows_of("m.fvecs", &fvecs(&[&MATRIX[0], &MATRIX[1]])).unwrap(), MATRIX);
}

#[test]
fn a_file_that_is_not_fvecs_is_refused() {
    check_refused("m.fvecs", &[], "`m.fvecs` is empty");
    let start = "`m.fvecs` begins with the number";
    let end = "which is no dimension (1 to 4096): is it an .fvecs file?";
    check_refused("m.fvecs", &matrix(), &format!("{start} 1065353216, {end}"));
    check_refused("m.fvecs", &(-1_i32).to_le_bytes(), &format!("{start} -1, {end}"));
    let whole = fvecs(&[&MATRIX[0], &MATRIX[1]]);
    let cut = "`m.fvecs` has 31 bytes, which is no whole number of rows of 3 components: it is cut off";
    check_refused("m.fvecs", &whole[..31], cut);
    assert!(rows_of("m.fvecs", &whole[..3]).unwrap_err().starts_with("`m.fvecs` cannot be read: "));
    let uneven = fvecs(&[&[1.0], &[1.0, 2.0, 3.0]]);
    check_refused("m.fvecs", &uneven, "`m.fvecs` has 3 components in row 1, and 1 in row 0");
}

/// Both hold `MATRIX` as `train`, written by h5py 3: float32 in one piece, and float64 in gzipped chunks of 1 × 2.
const CONTIGUOUS: &[u8] = include_bytes!("samples/contiguous.hdf5");
const CHUNKED: &[u8] = include_bytes!("samples/chunked.hdf5");
/// The same, rounded to int32.
const INTEGERS: &[u8] = include_bytes!("samples/integers.hdf5");

#[test]
fn a_matrix_of_ann_benchmarks_is_read() {
    assert_eq!(rows_of("m.hdf5", CONTIGUOUS).unwrap(), MATRIX);
    assert_eq!(rows_of("m.hdf5", CHUNKED).unwrap(), MATRIX);
}

#[test]
fn what_is_no_matrix_of_ann_benchmarks_is_refused() {
    let message = "`m.hdf5` has a dataset `train` that is neither of float32 nor of float64";
    check_refused("m.hdf5", INTEGERS, message);
    for bytes in [&b""[..], b"nonsense", &CONTIGUOUS[..CONTIGUOUS.len() / 4]] {
        let error = rows_of("m.hdf5", bytes).unwrap_err();
        assert!(error.starts_with("`m.hdf5` is no HDF5 file with a dataset `train` that can be read: "), "{error}");
    }
}

#[test]
fn a_row_is_found_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("m.npy", npy("<f4", "(2, 3)", &matrix())),
        ("m.fvecs", fvecs(&[&MATRIX[0], &MATRIX[1]])),
        ("m.hdf5", CHUNKED.to_vec()),
    ];
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let mut file = VectorFile::open(&path).unwrap();
        for row in [1, 0, 1] {
            file.seek(row).unwrap();
            assert_eq!(file.next_row().unwrap(), Some(MATRIX[usize::try_from(row).unwrap()].to_vec()), "{name}");
        }
        let error = file.seek(2).unwrap_err().to_string();
        assert!(error.ends_with("has 2 rows, from 0: there is no row 2"), "{error}");
    }
}

#[test]
fn a_file_of_another_name_is_refused() {
    check_refused("m.csv", &[], "`m.csv` is of no known format: its name must end in .npy, .fvecs or .hdf5");
    let error = VectorFile::open(Path::new("nowhere.npy")).unwrap_err().to_string();
    assert!(error.starts_with("`nowhere.npy` cannot be read: "), "{error}");
}

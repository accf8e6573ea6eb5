//! IDX, the format of the MNIST family: a big-endian header of sizes, then one byte an item.

use ndarray::Array2;

/// Why bytes cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnreadableIdx {
    #[error("not an idx file of bytes in {dimensions} dimensions")]
    Header { dimensions: u8 },
    #[error("an idx file of {wanted} items has {bytes} bytes of items")]
    Length { wanted: usize, bytes: usize },
}

/// Reads images: one a row, its lines one after the other.
pub(crate) fn images(file: &[u8]) -> Result<Array2<f32>, UnreadableIdx> {
    let ([images, lines, columns], items) = split::<3>(file, 3)?;
    let items: Vec<f32> = items.iter().map(|&item| f32::from(item)).collect();
    Ok(Array2::from_shape_vec((images, lines * columns), items).expect("the length is checked"))
}

/// Reads one label an image.
pub(crate) fn labels(file: &[u8]) -> Result<Vec<u8>, UnreadableIdx> {
    let ([_], items) = split::<1>(file, 1)?;
    Ok(items.to_vec())
}

fn split<const DIMENSIONS: usize>(file: &[u8], dimensions: u8) -> Result<([usize; DIMENSIONS], &[u8]), UnreadableIdx> {
    /// The third byte of the header says what an item is.
    const UNSIGNED_BYTE: u8 = 8;
    let wrong_header = UnreadableIdx::Header { dimensions };
    let Some(mut rest) = file.strip_prefix(&[0, 0, UNSIGNED_BYTE, dimensions]) else { return Err(wrong_header) };
    let mut sizes = [0; DIMENSIONS];
    for size in &mut sizes {
        let Some((bytes, after)) = rest.split_first_chunk() else { return Err(wrong_header) };
        *size = usize::try_from(u32::from_be_bytes(*bytes)).map_err(|_| wrong_header.clone())?;
        rest = after;
    }
    let wanted = sizes.iter().fold(1_usize, |product, &size| product.saturating_mul(size));
    if rest.len() == wanted { Ok((sizes, rest)) } else { Err(UnreadableIdx::Length { wanted, bytes: rest.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    const IMAGES: &[u8] = &[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 253, 254, 255];

    #[test]
    fn an_image_is_a_row() {
        assert_eq!(images(IMAGES), Ok(array![[1.0, 2.0, 3.0], [253.0, 254.0, 255.0]]));
    }

    #[test]
    fn a_label_is_a_byte() {
        assert_eq!(labels(&[0, 0, 8, 1, 0, 0, 0, 3, 9, 0, 4]), Ok(vec![9, 0, 4]));
    }

    #[test]
    fn what_is_no_idx_file_is_named() {
        assert_eq!(images(&IMAGES[..10]), Err(UnreadableIdx::Header { dimensions: 3 }));
        assert_eq!(labels(IMAGES), Err(UnreadableIdx::Header { dimensions: 1 }));
        assert_eq!(images(&IMAGES[..21]), Err(UnreadableIdx::Length { wanted: 6, bytes: 5 }));
    }
}

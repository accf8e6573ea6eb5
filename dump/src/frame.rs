//! Decoding one zstd frame of known length, and not a byte more.

use crate::frame_header::{FrameHeaderFault, check_frame_header};
use crate::limits::{BUFFER_BYTES, WINDOW_LOG_MAX};
use std::io::{self, Read};
use zstd::stream::raw::{DParameter, Decoder, Operation};

/// What can be wrong with a frame.
#[derive(Debug, thiserror::Error)]
pub enum FrameFault {
    /// The archive could not be read.
    #[error("it cannot be read: {0}")]
    Read(io::Error),
    /// The archive was cut off.
    #[error("the archive ends {missing} bytes before its frame does")]
    ArchiveEnds {
        /// How much is not there.
        missing: u64,
    },
    /// Not a frame of this crate's.
    #[error(transparent)]
    Header(#[from] FrameHeaderFault),
    /// zstd could not decode it, or its checksum is wrong.
    #[error("its zstd frame is damaged: {0}")]
    Decode(io::Error),
    /// The frame does not end where it is recorded to.
    #[error("its zstd frame goes on after its recorded end")]
    Unfinished,
    /// The frame ends before it is recorded to.
    #[error("its zstd frame ends {left} bytes before its recorded end")]
    EndsEarly {
        /// How much of the recorded stretch is something else.
        left: u64,
    },
    /// Decoding gave too little.
    #[error("its zstd frame expands to {missing} bytes less than recorded")]
    Shorter {
        /// How much did not come.
        missing: u64,
    },
    /// Decoding gave too much, and was stopped.
    #[error("its zstd frame expands to more bytes than recorded")]
    Longer,
}

/// zstd's memory, kept from frame to frame.
pub(crate) struct FrameDecoder {
    zstd: Decoder<'static>,
    compressed: Vec<u8>,
    content: Vec<u8>,
}

impl FrameDecoder {
    pub(crate) fn new() -> io::Result<Self> {
        let mut zstd = Decoder::new()?;
        zstd.set_parameter(DParameter::WindowLogMax(WINDOW_LOG_MAX))?;
        Ok(Self { zstd, compressed: vec![0; BUFFER_BYTES], content: vec![0; BUFFER_BYTES] })
    }

    /// Opens the frame that is the next `frame_bytes` of the source and expands to `content_bytes`.
    pub(crate) fn open<'a>(
        &'a mut self,
        source: &'a mut dyn Read,
        frame_bytes: u64,
        content_bytes: u64,
    ) -> Result<Frame<'a>, FrameFault> {
        self.zstd.reinit().map_err(FrameFault::Decode)?;
        let mut frame = Frame {
            decoder: self,
            source,
            unread: frame_bytes,
            start: 0,
            end: 0,
            content_left: content_bytes,
            ended: false,
        };
        frame.refill()?;
        check_frame_header(&frame.decoder.compressed[..frame.end], content_bytes)?;
        Ok(frame)
    }
}

/// A frame on its way through the decoder.
pub(crate) struct Frame<'a> {
    decoder: &'a mut FrameDecoder,
    source: &'a mut dyn Read,
    /// Bytes of the frame that are still in the source.
    unread: u64,
    /// Bytes of the frame that were read and are not decoded: this stretch of `decoder.compressed`.
    start: usize,
    end: usize,
    content_left: u64,
    ended: bool,
}

impl Frame<'_> {
    /// The next bytes of the content, at most so many; none only if none are left or wanted.
    pub(crate) fn take(&mut self, bytes_max: u64) -> Result<&[u8], FrameFault> {
        let room = at_most(self.content_left.min(bytes_max), self.decoder.content.len());
        let mut written = 0;
        while written == 0 && room > 0 {
            written = self.decode(room)?;
            if written == 0 && self.ended {
                return Err(FrameFault::Shorter { missing: self.content_left });
            }
        }
        self.content_left -= written as u64;
        Ok(&self.decoder.content[..written])
    }

    /// Checks that the content ends here, and the frame with it.
    pub(crate) fn close(mut self) -> Result<(), FrameFault> {
        while !self.ended {
            // Room for one byte: all that is left of a sound frame is its checksum, which decodes to nothing.
            if self.decode(1)? > 0 {
                return Err(FrameFault::Longer);
            }
        }
        match self.unread + (self.end - self.start) as u64 {
            0 => Ok(()),
            left => Err(FrameFault::EndsEarly { left }),
        }
    }

    /// One step of the decoder, into the first bytes of `decoder.content`. Returns how many it wrote.
    fn decode(&mut self, room: usize) -> Result<usize, FrameFault> {
        if self.ended {
            return Ok(0);
        }
        if self.start == self.end {
            self.refill()?;
        }
        let FrameDecoder { zstd, compressed, content } = &mut *self.decoder;
        let status =
            zstd.run_on_buffers(&compressed[self.start..self.end], &mut content[..room]).map_err(FrameFault::Decode)?;
        self.start += status.bytes_read;
        self.ended = status.remaining == 0;
        let stuck = status.bytes_read == 0 && status.bytes_written == 0;
        if stuck && !self.ended && self.start == self.end && self.unread == 0 {
            return Err(FrameFault::Unfinished);
        }
        Ok(status.bytes_written)
    }

    /// Reads as much of the frame as the buffer holds.
    fn refill(&mut self) -> Result<(), FrameFault> {
        let wanted = at_most(self.unread, self.decoder.compressed.len());
        (self.start, self.end) = (0, 0);
        while self.end < wanted {
            match self.source.read(&mut self.decoder.compressed[self.end..wanted]) {
                Ok(0) => return Err(FrameFault::ArchiveEnds { missing: self.unread }),
                Ok(read) => {
                    self.end += read;
                    self.unread -= read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(FrameFault::Read(error)),
            }
        }
        Ok(())
    }
}

fn at_most(bytes: u64, limit: usize) -> usize {
    usize::try_from(bytes).map_or(limit, |bytes| bytes.min(limit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn frame(content: &[u8]) -> Vec<u8> {
        let mut frame = zstd::Encoder::new(Vec::new(), 3).unwrap();
        frame.include_checksum(true).unwrap();
        frame.set_pledged_src_size(Some(content.len() as u64)).unwrap();
        frame.write_all(content).unwrap();
        frame.finish().unwrap()
    }

    /// Decodes a frame of 1,000 bytes that passed for one of another length. zstd itself compares what it decodes with
    /// the frame's header, and the header was compared with the record; this is for the day when it does not.
    fn decode(expected: u64) -> Result<(), FrameFault> {
        let bytes = frame(&[7; 1000]);
        let source = &mut &bytes[..];
        let mut decoder = FrameDecoder::new().unwrap();
        let mut frame = decoder.open(source, bytes.len() as u64, 1000).unwrap();
        frame.content_left = expected;
        while !frame.take(300)?.is_empty() {}
        frame.close()
    }

    #[test]
    fn a_frame_expands_to_the_recorded_length() {
        decode(1000).unwrap();
        assert_eq!(decode(999).unwrap_err().to_string(), "its zstd frame expands to more bytes than recorded");
        assert_eq!(decode(1001).unwrap_err().to_string(), "its zstd frame expands to 1 bytes less than recorded");
    }

    #[test]
    fn a_frame_that_was_left_half_way_does_not_spoil_the_next() {
        let bytes = frame(&[7; 1000]);
        let mut decoder = FrameDecoder::new().unwrap();
        decoder.open(&mut &bytes[..], bytes.len() as u64, 1000).unwrap().take(1).unwrap();
        let source = &mut &bytes[..];
        let mut frame = decoder.open(source, bytes.len() as u64, 1000).unwrap();
        assert_eq!(frame.take(1000).unwrap(), [7; 1000]);
        frame.close().unwrap();
    }

    #[test]
    fn a_frame_is_not_closed_before_its_content_is_taken() {
        let bytes = frame(&[7; 1000]);
        let source = &mut &bytes[..];
        let mut decoder = FrameDecoder::new().unwrap();
        let mut frame = decoder.open(source, bytes.len() as u64, 1000).unwrap();
        frame.take(999).unwrap();
        assert_eq!(frame.close().unwrap_err().to_string(), "its zstd frame expands to more bytes than recorded");
    }
}

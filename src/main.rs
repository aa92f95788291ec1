//! temporary
use synfin::{decode::Decoder, source::*, track::*, view::ndjson::Ndjson};
fn main() {
    let path = std::env::args().nth(2).unwrap();
    let mut out = Ndjson::new(std::io::stdout().lock(), true);
    let mut tracker = Tracker::new(TrackerOptions::default());
    let mut decoder = Decoder::default();
    let mut records = Vec::new();
    let mut code = 0;
    match CaptureFile::open(path.as_ref()) {
        Err(e) => {
            eprintln!("{e}");
            code = 1;
        }
        Ok(mut source) => loop {
            match source.next_packet() {
                Err(e) => {
                    eprintln!("{e}");
                    code = 1;
                    break;
                }
                Ok(None) => break,
                Ok(Some(p)) => {
                    records.clear();
                    decoder.decode(&p, &mut records);
                    for r in &records {
                        tracker.push(r, &mut out);
                    }
                }
            }
        },
    }
    tracker.finish(&mut out);
    out.finish().unwrap();
    std::process::exit(code);
}

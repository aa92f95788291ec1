//! Whole frames into the tracker: the input is cut into Ethernet frames by a length
//! octet before each.
#![no_main]

use synfin::model::LinkType;
use synfin::track::TrackerOptions;
use synfin_fuzz::Analysis;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let few = TrackerOptions { max_conversations: 4, linger: 2, ..TrackerOptions::default() };
    let mut analyses = [Analysis::new(TrackerOptions::default()), Analysis::new(few)];
    let (mut rest, mut number) = (data, 0);
    while let Some((&len, after)) = rest.split_first() {
        let (frame, after) = after.split_at(after.len().min(usize::from(len)));
        number += 1;
        let packet = synfin_fuzz::frame(number, LinkType::ETHERNET, frame);
        analyses.iter_mut().for_each(|a| a.packet(&packet));
        rest = after;
    }
    analyses.into_iter().for_each(Analysis::finish);
});

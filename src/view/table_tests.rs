use super::*;

/// Numbers, and some of them with a remark.
struct Numbers(usize);

impl Numbers {
    fn line(at: usize) -> Line {
        let note = at.is_multiple_of(1000).then(|| format!("{at} is a multiple of a thousand"));
        Line { cells: vec![at.to_string().into(), "x".repeat(at % 17).into()], note }
    }
}

impl Rows for Numbers {
    fn each(&self, range: Range<usize>, row: &mut dyn FnMut(&Line)) {
        (range.start..range.end.min(self.0)).for_each(|at| row(&Self::line(at)));
    }

    fn known(&self) -> Option<usize> {
        Some(self.0)
    }
}

#[test]
fn a_long_table_is_the_same_on_two_threads() {
    let columns = [Column::number("n"), Column::text("bar")];
    let style = Style::default();
    for n in [0, 1, MANY - 1, MANY, MANY + 1, 2 * MANY + 3] {
        let (mut one, mut two) = (Vec::new(), Vec::new());
        write(&columns, &(|| (0..n).map(Numbers::line)), &style, &mut one).unwrap();
        write(&columns, &Numbers(n), &style, &mut two).unwrap();
        assert!(one == two, "{n} rows");
        assert_eq!(n == 0, one.is_empty());
    }
}

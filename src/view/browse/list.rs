//! A cursor in a list that is longer than its window.

/// Where the cursor is, and which item the window begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct List {
    pub(super) at: usize,
    pub(super) top: usize,
}

impl List {
    /// Moves the cursor by `step` within `len` items and keeps it in a window of `height`.
    pub(super) fn step(&mut self, step: isize, len: usize, height: usize) {
        self.go(self.at.saturating_add_signed(step), len, height);
    }

    /// Puts the cursor on `at`, or on the last item.
    pub(super) fn go(&mut self, at: usize, len: usize, height: usize) {
        self.at = at.min(len.saturating_sub(1));
        let height = height.max(1);
        let lowest = (self.at + 1).saturating_sub(height);
        self.top = self.top.clamp(lowest, self.at).min(len.saturating_sub(height).max(lowest));
    }

    /// Moves the window itself, for text without a cursor.
    pub(super) fn scroll(&mut self, step: isize, len: usize, height: usize) {
        self.top = self.top.saturating_add_signed(step).min(len.saturating_sub(height.max(1)));
        self.at = self.top;
    }
}

#[cfg(test)]
mod tests {
    use super::List;

    #[test]
    fn the_cursor_stays_in_the_window_and_in_the_list() {
        let mut list = List::default();
        for (step, len, height, at, top) in [
            (5, 10, 4, 5, 2),
            (-1, 10, 4, 4, 2),
            (-3, 10, 4, 1, 1),
            (100, 10, 4, 9, 6),
            (0, 3, 4, 2, 0),
            (0, 0, 4, 0, 0),
            (3, 10, 0, 3, 3),
            (0, 10, 20, 3, 0),
            (isize::MAX, 10, 2, 9, 8),
            (isize::MIN, 10, 2, 0, 0),
        ] {
            list.step(step, len, height);
            assert_eq!((list.at, list.top), (at, top), "after {step} of {len} in {height}");
        }
        list.scroll(7, 10, 4);
        assert_eq!((list.at, list.top), (6, 6));
    }
}

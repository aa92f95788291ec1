//! Where the panes are.

use ratatui::layout::{Constraint, Layout, Rect};

use super::app::Pane;

/// Where each pane is on the screen; `None` where there is no room for it now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Areas {
    pub(super) title: Rect,
    pub(super) status: Rect,
    panes: [Option<Rect>; 4],
}

impl Areas {
    /// Four panes where the screen is large; else the connections above the pane in focus;
    /// else, or when `whole`, the pane in focus alone.
    pub(super) fn new(screen: Rect, focus: Pane, whole: bool) -> Self {
        let [title, middle, status] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)])
                .areas(screen);
        let mut areas = Self { title, status, panes: [None; 4] };
        if whole || middle.height < 12 {
            areas.panes[focus as usize] = Some(middle);
        } else if middle.width >= 120 && middle.height >= 30 {
            let [left, right] =
                Layout::horizontal([Constraint::Percentage(52), Constraint::Min(0)]).areas(middle);
            let [top, bottom] =
                Layout::vertical([Constraint::Percentage(35), Constraint::Min(0)]).areas(left);
            let [above, below] =
                Layout::vertical([Constraint::Percentage(50), Constraint::Min(0)]).areas(right);
            areas.panes = [Some(top), Some(bottom), Some(above), Some(below)];
        } else {
            let [top, bottom] =
                Layout::vertical([Constraint::Percentage(36), Constraint::Min(0)]).areas(middle);
            let lower = if focus == Pane::Connections { Pane::Segments } else { focus };
            areas.panes[Pane::Connections as usize] = Some(top);
            areas.panes[lower as usize] = Some(bottom);
        }
        areas
    }

    /// Where `pane` is, its frame included.
    pub(super) fn of(&self, pane: Pane) -> Option<Rect> {
        self.panes.get(pane as usize).copied().flatten()
    }

    /// Columns and rows inside the frame of `pane`.
    pub(super) fn inside(&self, pane: Pane) -> (usize, usize) {
        let area = self.of(pane).unwrap_or_default();
        (usize::from(area.width.saturating_sub(2)), usize::from(area.height.saturating_sub(2)))
    }
}

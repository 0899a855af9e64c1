//! Which of the GWM's words count: the new ones, the former ones, or none.

use super::effective::{Source, is_confident, is_down};
use super::inputs::{Freshness, GroupInput, Word};
use crate::sasp::msg::MemberKey;

/// What is known of a member before its group's input is heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listener {
    /// Who it is.
    pub key: MemberKey,
    /// The word that has counted up to now.
    pub former: Option<Word>,
    /// It could get packets: it can be reached, and the operator has not quiesced it.
    pub available: bool,
}

/// The word of each listener that counts from now on, in their order, and where they come from. `None`: a group
/// without a GWM.
pub fn hear(input: Option<&GroupInput>, listeners: &[Listener]) -> (Source, Vec<Option<Word>>) {
    let former = listeners.iter().map(|listener| listener.former);
    let Some(input) = input else {
        return (Source::Gone, vec![None; listeners.len()]);
    };
    match input.freshness {
        Freshness::Gone => return (Source::Gone, vec![None; listeners.len()]),
        Freshness::Held => {
            let held: Vec<_> = former.collect();
            // Before the first word there is nothing to hold, and static weights shall be called so.
            let source = match held.iter().any(Option::is_some) {
                true => Source::Held,
                false => Source::Gone,
            };
            return (source, held);
        }
        Freshness::Live => {}
    }
    let words: Vec<Option<Word>> = listeners
        .iter()
        .map(|listener| input.members.get(&listener.key).copied())
        .collect();
    let any_confident = listeners
        .iter()
        .zip(&words)
        .any(|(listener, word)| listener.available && word.as_ref().is_some_and(is_confident));
    if !input.converging || any_confident {
        return (Source::Live, words);
    }
    (Source::Converging, converge(listeners, &words))
}

/// While the GWM converges and is not confident of any member, the former words stand. What tells to stop new flows is
/// obeyed nevertheless: a quiesced member at once, one that is down unless that would leave nobody, for then it is
/// more likely that the GWM has not looked yet.
fn converge(listeners: &[Listener], words: &[Option<Word>]) -> Vec<Option<Word>> {
    let quiesced = |word: &Option<Word>| word.is_some_and(|word| word.quiesce);
    let down = |word: &Option<Word>| word.as_ref().is_some_and(is_down);
    let somebody_left = listeners
        .iter()
        .zip(words)
        .any(|(listener, word)| listener.available && !quiesced(word) && !down(word));
    listeners
        .iter()
        .zip(words)
        .map(|(listener, word)| {
            if quiesced(word) || (down(word) && somebody_left) {
                *word
            } else {
                listener.former
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;

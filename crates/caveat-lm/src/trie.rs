//! A set of prompts packed as a trie in one sequence, so that every distinct prefix is computed once.
//!
//! A node is one token after one prefix. Nodes are in depth-first order, so every node comes after its ancestors. The position of
//! a node is its depth, and it attends to its ancestors and itself. A causal transformer computes at a node exactly what it
//! computes at the end of that prefix alone, so the packed sequence gives the same results as the separate prompts.

use std::ops::Range;

/// Prompts packed as a trie. Tokens, positions and runs are in depth-first order.
#[derive(Debug)]
pub(crate) struct PromptTrie {
    /// Token of every node.
    pub(crate) tokens: Vec<u32>,
    /// Depth of every node, which is its position in its prompt, from 0.
    pub(crate) positions: Vec<usize>,
    /// The nodes as runs. A node attends to its run's ancestors, to the nodes before it in its run, and to itself.
    pub(crate) runs: Vec<Run>,
    /// The node at which each prompt ends, in the order in which the prompts were given.
    pub(crate) leaves: Vec<usize>,
}

/// Consecutive nodes, each the parent of the next.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) nodes: Range<usize>,
    /// The ancestors of the first node, as ranges of nodes in order of depth.
    pub(crate) ancestors: Vec<Range<usize>>,
}

impl PromptTrie {
    /// Packs prompts, each a non-empty sequence of token ids. Prompts may repeat, and one may be a prefix of another. Cost: sorting them.
    pub(crate) fn new<P: AsRef<[u32]>>(prompts: &[P]) -> Self {
        let mut order: Vec<usize> = (0..prompts.len()).collect();
        order.sort_by(|&a, &b| prompts[a].as_ref().cmp(prompts[b].as_ref()));
        let mut trie =
            Self { tokens: Vec::new(), positions: Vec::new(), runs: Vec::new(), leaves: vec![0; prompts.len()] };
        // The nodes of the previous prompt in order of depth. Since prompts are sorted, neighbors have all common prefixes in common.
        let mut path: Vec<usize> = Vec::new();
        let mut previous: &[u32] = &[];
        for index in order {
            let prompt = prompts[index].as_ref();
            let shared = prompt.iter().zip(previous).take_while(|(a, b)| a == b).count();
            path.truncate(shared);
            if shared < prompt.len() {
                let start = trie.tokens.len();
                let ancestors = ranges(&path);
                for (depth, &token) in prompt.iter().enumerate().skip(shared) {
                    path.push(trie.tokens.len());
                    trie.tokens.push(token);
                    trie.positions.push(depth);
                }
                trie.runs.push(Run { nodes: start..trie.tokens.len(), ancestors });
            }
            trie.leaves[index] = path.last().copied().unwrap_or(0);
            previous = prompt;
        }
        trie
    }

    /// Number of nodes, which is the number of tokens computed.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }
}

/// Increasing nodes as maximal ranges.
fn ranges(path: &[usize]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for &node in path {
        match ranges.last_mut() {
            Some(last) if last.end == node => last.end = node + 1,
            _ => ranges.push(node..node + 1),
        }
    }
    ranges
}

/// Splits prompts, in their order, into groups whose tries have at most `most` nodes each (or hold one prompt). Returns the range of
/// prompts and the trie of each group.
pub(crate) fn pack<P: AsRef<[u32]>>(prompts: &[P], most: usize) -> Vec<(Range<usize>, PromptTrie)> {
    let mut groups = Vec::new();
    let mut start = 0;
    while start < prompts.len() {
        // A group that fits is found by halving, since the number of nodes grows with the group.
        let mut end = prompts.len();
        let mut trie = PromptTrie::new(&prompts[start..end]);
        while trie.len() > most && end - start > 1 {
            end = start + (end - start).div_ceil(2);
            trie = PromptTrie::new(&prompts[start..end]);
        }
        groups.push((start..end, trie));
        start = end;
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ancestors_of(trie: &PromptTrie, node: usize) -> Vec<usize> {
        let run = trie.runs.iter().find(|run| run.nodes.contains(&node)).unwrap();
        run.ancestors.iter().cloned().flatten().chain(run.nodes.start..=node).collect()
    }

    #[test]
    fn shared_prefixes_become_one_path() {
        let trie = PromptTrie::new(&[vec![1, 2, 3], vec![1, 2, 4, 5], vec![1, 2], vec![7]]);
        assert_eq!(trie.tokens, [1, 2, 3, 4, 5, 7]);
        assert_eq!(trie.positions, [0, 1, 2, 2, 3, 0]);
        assert_eq!(trie.leaves, [2, 4, 1, 5]);
        assert_eq!(trie.positions.iter().max(), Some(&3));
        assert_eq!(ancestors_of(&trie, 4), [0, 1, 3, 4]);
        assert_eq!(ancestors_of(&trie, 5), [5]);
    }

    proptest! {
        #[test]
        fn every_prompt_is_read_along_the_ancestors_of_its_leaf(
            prompts in prop::collection::vec(prop::collection::vec(0_u32..3, 1..7), 1..20), most in 1_usize..40,
        ) {
            let trie = PromptTrie::new(&prompts);
            for (prompt, &leaf) in prompts.iter().zip(&trie.leaves) {
                let path = ancestors_of(&trie, leaf);
                let tokens: Vec<u32> = path.iter().map(|&node| trie.tokens[node]).collect();
                prop_assert_eq!(&tokens, prompt);
                let depths: Vec<usize> = path.iter().map(|&node| trie.positions[node]).collect();
                prop_assert_eq!(depths, (0..prompt.len()).collect::<Vec<_>>());
            }
            let mut prefixes: Vec<&[u32]> = prompts.iter().flat_map(|p| (1..=p.len()).map(|end| &p[..end])).collect();
            prefixes.sort();
            prefixes.dedup();
            prop_assert_eq!(trie.len(), prefixes.len(), "as many nodes as distinct prefixes");
            let groups = pack(&prompts, most);
            let ranges: Vec<usize> = groups.iter().flat_map(|(range, _)| range.clone()).collect();
            prop_assert_eq!(ranges, (0..prompts.len()).collect::<Vec<_>>());
            for (range, trie) in groups {
                prop_assert!(trie.len() <= most || range.len() == 1);
            }
        }
    }
}

//! GGUF files for tests, correct and damaged.

use crate::weights::element::Element;

/// A value of metadata.
#[derive(Debug, Clone)]
pub(crate) enum Meta {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    I32s(Vec<i32>),
    /// Any type and bytes.
    Raw(u32, Vec<u8>),
}

impl From<&str> for Meta {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A tensor with its dimensions as the file has them, fastest first.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    pub(crate) dimensions: Vec<u64>,
    pub(crate) kind: u32,
    pub(crate) data: Vec<u8>,
    /// In place of the offset that the order gives.
    pub(crate) offset: Option<u64>,
}

/// What a file is to hold.
#[derive(Debug, Clone)]
pub(crate) struct Gguf {
    pub(crate) version: u32,
    pub(crate) metadata: Vec<(String, Meta)>,
    pub(crate) tensors: Vec<Tensor>,
    /// In place of the numbers of tensors and of metadata.
    pub(crate) counts: Option<(u64, u64)>,
}

impl Gguf {
    /// A model of two layers with this architecture, all of whose weights are F32 and count upwards from 0 in each tensor; its
    /// vocabulary is bytes, and a few tokens more.
    pub(crate) fn tiny(architecture: &str) -> Self {
        let (hidden, inner, heads, groups, head_dim) = (8_u64, 12_u64, 2_u64, 1_u64, 4_u64);
        let (tokens, types, merges) = vocabulary();
        let rows = tokens.len() as u64 + 2;
        let key = |name: &str| format!("{architecture}.{name}");
        let words = if architecture == "llama" { "smollm" } else { "qwen2" };
        let metadata = vec![
            ("general.architecture".to_owned(), architecture.into()),
            (key("context_length"), Meta::U32(64)),
            (key("embedding_length"), Meta::U32(hidden as u32)),
            (key("block_count"), Meta::U32(2)),
            (key("feed_forward_length"), Meta::U32(inner as u32)),
            (key("attention.head_count"), Meta::U32(heads as u32)),
            (key("attention.head_count_kv"), Meta::U32(groups as u32)),
            (key("attention.layer_norm_rms_epsilon"), Meta::F32(1e-5)),
            (key("rope.freq_base"), Meta::F32(10_000.0)),
            ("tokenizer.ggml.model".to_owned(), "gpt2".into()),
            ("tokenizer.ggml.pre".to_owned(), words.into()),
            ("tokenizer.ggml.tokens".to_owned(), Meta::Texts(tokens)),
            ("tokenizer.ggml.token_type".to_owned(), Meta::I32s(types)),
            ("tokenizer.ggml.merges".to_owned(), Meta::Texts(merges)),
            ("tokenizer.ggml.bos_token_id".to_owned(), Meta::U32(0)),
        ];
        let mut file = Self { version: 3, metadata, tensors: Vec::new(), counts: None };
        file.add("token_embd.weight", &[hidden, rows]);
        file.add("output_norm.weight", &[hidden]);
        for layer in 0..2 {
            let mut add = |name: &str, dimensions: &[u64]| file.add(&format!("blk.{layer}.{name}"), dimensions);
            add("attn_norm.weight", &[hidden]);
            add("attn_q.weight", &[hidden, heads * head_dim]);
            add("attn_k.weight", &[hidden, groups * head_dim]);
            add("attn_v.weight", &[hidden, groups * head_dim]);
            add("attn_output.weight", &[heads * head_dim, hidden]);
            match architecture {
                "qwen2" => {
                    add("attn_q.bias", &[heads * head_dim]);
                    add("attn_k.bias", &[groups * head_dim]);
                    add("attn_v.bias", &[groups * head_dim]);
                }
                "qwen3" => {
                    add("attn_q_norm.weight", &[head_dim]);
                    add("attn_k_norm.weight", &[head_dim]);
                }
                _ => {}
            }
            add("ffn_norm.weight", &[hidden]);
            add("ffn_gate.weight", &[hidden, inner]);
            add("ffn_up.weight", &[hidden, inner]);
            add("ffn_down.weight", &[inner, hidden]);
        }
        file
    }

    /// Appends an F32 tensor that counts upwards from 0.
    pub(crate) fn add(&mut self, name: &str, dimensions: &[u64]) {
        let count = dimensions.iter().product::<u64>();
        let data = (0..count).flat_map(|k| (k as f32).to_le_bytes()).collect();
        let dimensions = dimensions.to_vec();
        self.tensors.push(Tensor { name: name.to_owned(), dimensions, kind: 0, data, offset: None });
    }

    /// Sets a value, or adds it.
    pub(crate) fn set(&mut self, key: &str, value: impl Into<Meta>) -> &mut Self {
        self.unset(key);
        self.metadata.push((key.to_owned(), value.into()));
        self
    }

    pub(crate) fn unset(&mut self, key: &str) -> &mut Self {
        self.metadata.retain(|(known, _)| known != key);
        self
    }

    pub(crate) fn tensor(&mut self, name: &str) -> &mut Tensor {
        self.tensors.iter_mut().find(|tensor| tensor.name == name).unwrap()
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let (tensors, keys) = self.counts.unwrap_or((self.tensors.len() as u64, self.metadata.len() as u64));
        let mut out = b"GGUF".to_vec();
        out.extend(self.version.to_le_bytes());
        out.extend(tensors.to_le_bytes());
        out.extend(keys.to_le_bytes());
        for (key, value) in &self.metadata {
            string(&mut out, key);
            write_value(&mut out, value);
        }
        let mut offset = 0;
        for tensor in &self.tensors {
            string(&mut out, &tensor.name);
            out.extend((tensor.dimensions.len() as u32).to_le_bytes());
            tensor.dimensions.iter().for_each(|d| out.extend(d.to_le_bytes()));
            out.extend(tensor.kind.to_le_bytes());
            out.extend(tensor.offset.unwrap_or(offset).to_le_bytes());
            offset += (tensor.data.len() as u64).next_multiple_of(32);
        }
        for tensor in &self.tensors {
            out.resize(out.len().next_multiple_of(32), 0);
            out.extend(&tensor.data);
        }
        out
    }
}

/// The numbers of blocks of type `element`, all of whose bytes are `byte`.
pub(crate) fn blocks(element: Element, byte: u8, count: usize) -> Vec<u8> {
    vec![byte; element.bytes_of(count).unwrap() as usize]
}

/// Tokens, their types, and merges: two control tokens, all bytes, a user-defined token, a merged word, an unused token.
pub(crate) fn vocabulary() -> (Vec<String>, Vec<i32>, Vec<String>) {
    let mut tokens = vec!["<|start|>".to_owned(), "<|end|>".to_owned()];
    let mut types = vec![3, 3];
    let printable = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    tokens.extend((0..=255).filter(printable).map(|byte| char::from(byte).to_string()));
    let others = (0..=255).filter(|byte| !printable(byte)).count() as u32;
    tokens.extend((256..256 + others).map(|code| char::from_u32(code).unwrap().to_string()));
    types.resize(tokens.len(), 1);
    let merges = ["Y e", "Ġ Ye", "ĠYe s", "1 2"];
    for merge in merges {
        tokens.push(merge.replace(' ', ""));
        types.push(1);
    }
    for (token, kind) in [("<think>", 4), ("[PAD]", 5)] {
        tokens.push(token.to_owned());
        types.push(kind);
    }
    (tokens, types, merges.map(str::to_owned).to_vec())
}

fn string(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn write_value(out: &mut Vec<u8>, value: &Meta) {
    let mut array = |kind: u32, count: usize| {
        out.extend(9_u32.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend((count as u64).to_le_bytes());
    };
    match value {
        Meta::Texts(texts) => {
            array(8, texts.len());
            texts.iter().for_each(|text| string(out, text));
        }
        Meta::I32s(numbers) => {
            array(5, numbers.len());
            numbers.iter().for_each(|x| out.extend(x.to_le_bytes()));
        }
        Meta::U32(x) => {
            out.extend(4_u32.to_le_bytes());
            out.extend(x.to_le_bytes());
        }
        Meta::F32(x) => {
            out.extend(6_u32.to_le_bytes());
            out.extend(x.to_le_bytes());
        }
        Meta::Bool(x) => {
            out.extend(7_u32.to_le_bytes());
            out.push((*x).into());
        }
        Meta::Text(text) => {
            out.extend(8_u32.to_le_bytes());
            string(out, text);
        }
        Meta::Raw(kind, bytes) => {
            out.extend(kind.to_le_bytes());
            out.extend(bytes);
        }
    }
}

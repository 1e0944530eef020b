"""Writes the files that fuzzing starts from: a GGUF model of one layer, and two matrices. Needs numpy and gguf."""

from pathlib import Path

import gguf
import numpy as np

HERE = Path(__file__).resolve().parent
HIDDEN, INNER = 2, 3

printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
tokens = ["<|start|>", *map(chr, printable), *map(chr, range(256, 256 + 256 - len(printable))), "Ye", "Yes", "<think>", "[PAD]"]
types = [3] + [1] * (len(tokens) - 3) + [4, 5]

writer = gguf.GGUFWriter(HERE / "gguf" / "tiny.gguf", "llama")
writer.add_context_length(8)
writer.add_embedding_length(HIDDEN)
writer.add_feed_forward_length(INNER)
writer.add_block_count(1)
writer.add_head_count(1)
writer.add_layer_norm_rms_eps(1e-5)
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("smollm")
writer.add_token_list(tokens)
writer.add_token_types(types)
writer.add_token_merges(["Y e", "Ye s"])
writer.add_bos_token_id(0)
writer.add_add_bos_token(True)
shapes = {
    "token_embd.weight": (len(tokens), HIDDEN),
    "output_norm.weight": (HIDDEN,),
    "rope_freqs.weight": (HIDDEN // 2,),
    "blk.0.attn_norm.weight": (HIDDEN,),
    "blk.0.attn_q.weight": (HIDDEN, HIDDEN),
    "blk.0.attn_k.weight": (HIDDEN, HIDDEN),
    "blk.0.attn_v.weight": (HIDDEN, HIDDEN),
    "blk.0.attn_output.weight": (HIDDEN, HIDDEN),
    "blk.0.ffn_norm.weight": (HIDDEN,),
    "blk.0.ffn_gate.weight": (INNER, HIDDEN),
    "blk.0.ffn_up.weight": (INNER, HIDDEN),
    "blk.0.ffn_down.weight": (HIDDEN, INNER),
}
for name, shape in shapes.items():
    writer.add_tensor(name, np.ones(shape, dtype=np.float32 if "norm" in name or "rope" in name else np.float16))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

np.save(HERE / "npy" / "identity.npy", np.eye(3))
np.save(HERE / "npy" / "fortran.npy", np.asfortranarray(np.arange(4, dtype=">f4").reshape(2, 2)))

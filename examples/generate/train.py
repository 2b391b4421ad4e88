#!/usr/bin/env python3
"""Trains the small language model that ships with this example.

Text: the six novels of Jane Austen (public domain: published 1811-1818), read from
the Debian package `r-cran-janeaustenr` (its R packaging is under the MIT licence).

    apt-get download r-cran-janeaustenr && dpkg-deb -x r-cran-janeaustenr_*.deb austen
    pip install torch==2.6.0 tokenizers==0.23.3 safetensors==0.8.0 rdata==1.1.0 numpy==2.4.6
    python3 train.py --text austen/usr/lib/R/site-library/janeaustenr/data

(Package 1.0.0-1, Python 3.11.) It writes into data/ beside this file:
    tokenizer.json     byte-level BPE in Hugging Face format; id 0 is <|endoftext|>
    model.safetensors  a Llama model in bf16, the configuration in __metadata__
    heldout.txt        the last chapters of two novels, never trained on
    golden.json        token ids, logits, a greedy continuation, perplexity: for tests

The weights kept are those with the lowest loss on a third set of chapters, which is
neither trained on nor part of heldout.txt. Every improvement is written at once, and
SIGTERM or SIGINT ends the training early in good order. The run is seeded; another CPU
still rounds differently, so its weights will differ a little.
"""
import argparse, json, math, os, re, signal, time, unicodedata, warnings, zlib
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that spin waste a busy machine's time

import rdata, torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

VOCAB, HIDDEN, INTER, LAYERS, HEADS, KV_HEADS, HEAD_DIM, CONTEXT = 1536, 192, 512, 4, 6, 2, 32, 256
BATCH, LR, DROPOUT, WARMUP = 16, 3e-3, 0.1, 100
EPS, THETA, EOT = 1e-5, 10000.0, "<|endoftext|>"
CONFIG = dict(
    model_type="llama", hidden_size=HIDDEN, intermediate_size=INTER, num_hidden_layers=LAYERS,
    num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, head_dim=HEAD_DIM, vocab_size=VOCAB,
    max_position_embeddings=CONTEXT, rms_norm_eps=EPS, rope_theta=THETA, tie_word_embeddings="true",
    hidden_act="silu", torch_dtype="bfloat16", eos_token_id=0,
    text="The six novels of Jane Austen (public domain), from Debian's r-cran-janeaustenr")

def read_novels(folder):
    """{name: lines}, from R's lazy-load database: an index and zlib blocks with a 4-byte length."""
    warnings.filterwarnings("ignore", module="rdata")
    blocks, novels = (folder / "Rdata.rdb").read_bytes(), {}
    for name, (at, size) in rdata.read_rds(folder / "Rdata.rdx")["variables"].items():
        data = rdata.parser.parse_data(zlib.decompress(blocks[at + 4:at + size]))
        novels[str(name)] = [str(line) for line in rdata.conversion.convert(data)]
    return novels

def to_ascii(text):
    for mark, plain in zip("\u2018\u2019\u201c\u201d\u2013\u2014\u00a3_", ("'", "'", '"', '"', "-", "--", "L", "")):
        text = text.replace(mark, plain)  # these editions mark italics by _underscores_
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()

def chapters(lines):
    """The chapters of a novel, each a string of unwrapped paragraphs with a blank line between them."""
    result, paragraph = [], ""
    for line in [to_ascii(line).strip() for line in lines] + ["The End"]:
        end = re.fullmatch(r"(finis|the end|a note on the text)\.?", line, re.I)
        heading = re.fullmatch(r"(chapter [ivxlc\d]+|volume [ivx]+)\.?", line, re.I)
        if not (end or heading) and set(line) - set("* "):
            paragraph += ("" if not paragraph or paragraph.endswith("--") else " ") + line
            continue
        if paragraph and result:  # before the first heading: front matter
            result[-1].append(re.sub(r"\s+", " ", paragraph))
        paragraph = ""
        if end:
            break
        if heading:
            result.append([])
    return ["\n\n".join(c) for c in result if c]

def split_text(novels):
    """(training chapters, validation text, held-out text): the ends of three novels are set aside."""
    train, parts = [], {"valid": [], "heldout": []}
    tails = dict(persuasion=("heldout", 45000), northangerabbey=("heldout", 35000), mansfieldpark=("valid", 35000))
    for name, lines in novels.items():
        book, tail = chapters(lines), []
        part, size = tails.get(name, ("valid", 0))
        while sum(map(len, tail)) < size:
            tail.insert(0, book.pop())
        train += book
        parts[part] += tail
    return train, "\n\n".join(parts["valid"]), "\n\n".join(parts["heldout"]) + "\n"

def train_tokenizer(texts):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)  # GPT-2's regex
    tok.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())  # all 256 bytes: any input can be encoded
    tok.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=[EOT], initial_alphabet=alphabet, show_progress=False))
    assert tok.token_to_id(EOT) == 0 and tok.get_vocab_size() == VOCAB
    return tok

def linears(**shapes):
    return nn.ModuleDict({name: nn.Linear(*shape, bias=False) for name, shape in shapes.items()})

def rope(x, cos, sin):
    a, b = x.chunk(2, dim=-1)  # half-rotated: element i turns with element i + HEAD_DIM / 2
    return x * cos + torch.cat((-b, a), dim=-1) * sin

class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        q, kv = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
        self.input_layernorm = nn.RMSNorm(HIDDEN, EPS)
        self.self_attn = linears(q_proj=(HIDDEN, q), k_proj=(HIDDEN, kv), v_proj=(HIDDEN, kv), o_proj=(q, HIDDEN))
        self.post_attention_layernorm = nn.RMSNorm(HIDDEN, EPS)
        self.mlp = linears(gate_proj=(HIDDEN, INTER), up_proj=(HIDDEN, INTER), down_proj=(INTER, HIDDEN))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x, cos, sin):
        w, y = self.self_attn, self.input_layernorm(x)
        q, k, v = (w[name](y).unflatten(-1, (-1, HEAD_DIM)).transpose(1, 2) for name in ("q_proj", "k_proj", "v_proj"))
        q, k = rope(q, cos, sin), rope(k, cos, sin)
        k, v = (y.repeat_interleave(HEADS // KV_HEADS, dim=1) for y in (k, v))  # heads 0..2 share kv head 0
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + self.dropout(w["o_proj"](y))
        w, y = self.mlp, self.post_attention_layernorm(x)
        return x + self.dropout(w["down_proj"](F.silu(w["gate_proj"](y)) * w["up_proj"](y)))

class Llama(nn.Module):
    """Weights named and used as in Hugging Face's Llama."""
    def __init__(self):
        super().__init__()
        self.model = nn.Module()
        self.model.embed_tokens = nn.Embedding(VOCAB, HIDDEN)
        self.model.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.model.norm = nn.RMSNorm(HIDDEN, EPS)
        angles = torch.arange(CONTEXT)[:, None] / THETA ** (torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
        self.cos, self.sin = torch.cat((angles, angles), -1).cos(), torch.cat((angles, angles), -1).sin()
        for name, p in self.named_parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02 / math.sqrt(2 * LAYERS if "o_proj" in name or "down_proj" in name else 1))

    def forward(self, ids):
        x, t = self.model.embed_tokens(ids), ids.shape[1]
        for layer in self.model.layers:
            x = layer(x, self.cos[:t], self.sin[:t])
        return F.linear(self.model.norm(x), self.model.embed_tokens.weight)  # tied lm_head

@torch.no_grad()
def loss_of(model, ids):
    """(summed loss in nats, tokens predicted): windows of 256 tokens that do not overlap, each
    starting afresh; a window predicts its tokens 1..255, and a shorter last one counts too."""
    total = count = 0
    for window in ids.split(CONTEXT):
        if len(window) > 1:
            total += F.cross_entropy(model(window[None])[0, :-1], window[1:], reduction="sum").item()
            count += len(window) - 1
    return total, count

def rounded(weights):
    """A float32 model whose weights are rounded to bf16: what ships, for evaluation."""
    copy = Llama().eval()
    copy.load_state_dict({k: v.detach().bfloat16().float() for k, v in weights.items()})
    return copy

@torch.no_grad()
def golden(model, tok, heldout):
    prompt, gaps = "She was", []
    sequence = ids = tok.encode(prompt).ids
    for _ in range(24):
        top = model(torch.tensor([sequence]))[0, -1].topk(2)
        gaps.append((top.values[0] - top.values[1]).item())
        sequence = sequence + [top.indices[0].item()]
    total, count = loss_of(model, heldout[:2048])
    cases = ["", "Emma Woodhouse, handsome, clever, and rich,", "I'm sure they'll  say\n\n\"No!\" in 1816.",
             "\tx = 3.14;  //\r\n ", "don't DON'T it's--_very_ odd   ", "The end.<|endoftext|>It is a truth",
             "na\u00efve caf\u00e9 \u20ac5 \u65e5\u672c\u8a9e \U0001f642", " \n\n \u00a0\u2003x\u00b2\u0663"]
    return dict(prompt=prompt, prompt_ids=ids, greedy_ids=sequence[len(ids):], greedy_text=tok.decode(sequence),
                greedy_smallest_gap=min(gaps), last_logits_first8=model(torch.tensor([ids]))[0, -1, :8].tolist(),
                heldout_tokens=2048, heldout_predicted=count, heldout_loss=total / count,
                heldout_perplexity=math.exp(total / count), heldout_first16=heldout[:16].tolist(),
                tokenizer_cases=[dict(text=c, ids=tok.encode(c).ids) for c in cases])

def write(out, weights, tok, heldout):
    data = save({k: v.detach().bfloat16().contiguous() for k, v in weights.items()})
    size = 8 + int.from_bytes(data[:8], "little")  # the header is written anew: save() has no fixed order of metadata
    header = json.dumps({"__metadata__": {k: str(v) for k, v in CONFIG.items()}} | json.loads(data[8:size])).encode()
    header += b" " * (-len(header) % 8)
    (out / "model.tmp").write_bytes(len(header).to_bytes(8, "little") + header + data[size:])
    lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden(rounded(weights), tok, heldout).items()]
    (out / "golden.tmp").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    os.replace(out / "model.tmp", out / "model.safetensors")
    os.replace(out / "golden.tmp", out / "golden.json")

def main():
    arg = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arg.add_argument("--text", type=Path, required=True, help="folder that holds Rdata.rdb and Rdata.rdx")
    arg.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "data")
    arg.add_argument("--steps", type=int, default=4500)
    arg.add_argument("--every", type=int, default=250, help="steps between two evaluations")
    a = arg.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    torch.set_num_threads(2)

    train_text, valid_text, heldout_text = split_text(read_novels(a.text))
    tok = train_tokenizer(train_text)
    tok.save(str(a.out / "tokenizer.json"), pretty=False)
    (a.out / "heldout.txt").write_text(heldout_text)
    encode = lambda text: torch.tensor(tok.encode(text).ids)
    train = torch.cat([encode(EOT + chapter) for chapter in train_text])  # a chapter begins with <|endoftext|>
    valid, heldout = encode(valid_text), encode(heldout_text)

    model = Llama()
    groups = [dict(params=[p for p in model.parameters() if p.dim() == dim], weight_decay=decay)
              for dim, decay in ((2, 0.1), (1, 0.0))]  # the norms do not decay
    opt = torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=True)
    print(f"{sum(p.numel() for p in model.parameters())} parameters; tokens: {len(train)} to train on, "
          f"{len(valid)} to validate, {len(heldout)} held out", flush=True)
    stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.append(True))

    best, recent, started = math.inf, [], time.time()
    for step in range(1, a.steps + 1):
        part = max(0.0, (step - WARMUP) / max(1, a.steps - WARMUP))
        for group in opt.param_groups:  # warm-up, then a cosine down to a hundredth
            group["lr"] = LR * min(step / WARMUP, 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * part)))
        batch = train[torch.randint(len(train) - CONTEXT, (BATCH, 1)) + torch.arange(CONTEXT + 1)]
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(batch[:, :-1])
        loss = F.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        recent.append(loss.item())
        if step % a.every == 0 or step == a.steps or stop:
            total, count = loss_of(rounded(model.state_dict()), valid)
            print(f"step {step}/{a.steps} train {sum(recent) / len(recent):.4f} valid {total / count:.4f} "
                  f"{time.time() - started:.0f} s", flush=True)
            recent = []
            if total / count < best:
                best, kept = total / count, {k: v.clone() for k, v in model.state_dict().items()}
                write(a.out, kept, tok, heldout)
        if stop:
            break

    total, count = loss_of(rounded(kept), heldout)
    print(f"held-out: loss {total / count:.4f}, perplexity {math.exp(total / count):.3f} per token, "
          f"{total / count * len(heldout) / len(heldout_text.encode()) / math.log(2):.4f} bits per byte")

if __name__ == "__main__":
    main()

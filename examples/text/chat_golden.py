#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes data/chat.json: questions in chat templates that say what the published ones of each family say, rendered by jinja2.

    pip install jinja2==3.1.6 && python chat_golden.py
"""
import json
from pathlib import Path

from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATML = (
    "{%% for m in messages %%}%s{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{%% endfor %%}"
    "{%% if add_generation_prompt %%}{{ '<|im_start|>assistant\n' }}{%% endif %%}")
SYSTEM = ("{%% if loop.first and messages[0]['role'] != 'system' %%}"
          "{{ '<|im_start|>system\n%s<|im_end|>\n' }}{%% endif %%}")
TEMPLATES = {
    "ChatML": CHATML % "",
    "ChatML, SmolLM2": CHATML % (SYSTEM % "You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
    "ChatML, another system message": CHATML % (SYSTEM % "You are kind."),
    "Llama 3":
        "{% for m in messages %}{% set text = '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n'"
        " + m['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set text = bos_token + text %}{% endif %}"
        "{{ text }}{% endfor %}"
        "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
    "Llama 2":
        "{% if messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}"
        "{% else %}{% set system = none %}{% set rest = messages %}{% endif %}{% for m in rest %}"
        "{% if loop.index0 == 0 and system is not none %}"
        "{% set text = '<<SYS>>\n' + system + '\n<</SYS>>\n\n' + m['content'] %}{% else %}{% set text = m['content'] %}"
        "{% endif %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + text.strip() + ' [/INST]' }}"
        "{% else %}{{ ' ' + text.strip() + ' ' + eos_token }}{% endif %}{% endfor %}",
}
QUESTIONS = ["What is the capital of France?", "  two\n lines \n\n", "", "naïve 日本語\u3000\u00a0", "<|eot_id|> [/INST] {{ x }}"]

environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)  # as transformers renders
cases = []
for name, template in TEMPLATES.items():
    for question in QUESTIONS:
        text = environment.from_string(template).render(
            messages=[{"role": "user", "content": question}], bos_token="<BOS>", eos_token="<EOS>",
            add_generation_prompt=True)
        cases.append({"name": name, "template": template, "question": question, "text": text})
path = Path(__file__).resolve().parent / "data/chat.json"
path.write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")

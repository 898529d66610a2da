"""Ids and texts by Hugging Face's tokenizers, as JSON.

Argument: a folder that holds cases.json: {texts, cases: {NAME: [kind of the trained model, changes of its tokenizer.json]}}.
It gets NAME.json for each and expected.json: {NAME: [{ids, text, plain}, one for each text]}; text keeps special tokens,
plain leaves them out. What the library itself refuses is a text that says why.
"""

import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

CORPUS = [
    "I move to the left, then I don't move: 12 and 345 steps (or 6.78) on line 9!",
    "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.",
    "def move(self, x=10):\n    return [x ** 2 for x in range(100)]\n\n\n# done ...",
    "<move>1,1</move> <action>pick up the key</action>   spaces   and\ttabs",
    "naïve café, ﬁne ½ x² ٣٤ 数字 12 你好 🦉 owl's nest — “quoted” text...",
] * 4


def train(kind):
    special = [AddedToken("<|end|>", special=True), AddedToken("<s>", special=True)]
    if kind == "bytes":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=600, special_tokens=special, initial_alphabet=alphabet)
    elif kind in ("pieces", "words"):
        byte_tokens = [f"<0x{i:02X}>" for i in range(256)]
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
        if kind == "words":
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
            tokenizer.decoder = decoders.Metaspace()
        else:
            tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
            tokenizer.decoder = decoders.Sequence(
                [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
            )
        trainer = trainers.BpeTrainer(
            vocab_size=700, special_tokens=["<unk>", *special, *byte_tokens], limit_alphabet=60, max_token_length=12
        )
    else:
        tokenizer = Tokenizer(models.Unigram())
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=300, special_tokens=["<unk>", *special], unk_token="<unk>")
    tokenizer.train_from_iterator(CORPUS, trainer)
    trained = json.loads(tokenizer.to_str())
    if kind in ("pieces", "words"):
        trained["added_tokens"] = [one for one in trained["added_tokens"] if not one["content"].startswith("<0x")]
    return trained


def changed(trained, changes):
    result = {**trained, **changes}
    if "model" in changes:
        model = trained["model"]
        result["model"] = {**({"vocab": model["vocab"]} if "type" in changes["model"] else model), **changes["model"]}
    if "added_tokens" in changes:
        # Ids are those that come next, whatever a file says.
        first = len(trained["model"]["vocab"])
        new = [{**token, "id": first + i} for i, token in enumerate(changes["added_tokens"])]
        result["added_tokens"] = trained["added_tokens"] + new
    return result


def main(place):
    given = json.loads((place / "cases.json").read_text())
    bases = {}
    expected = {}
    for name, (kind, changes) in given["cases"].items():
        bases.setdefault(kind, None)
        bases[kind] = bases[kind] or train(kind)
        content = json.dumps(changed(bases[kind], changes))
        (place / f"{name}.json").write_text(content)
        try:
            tokenizer = Tokenizer.from_str(content)
            # As transformers does for every text.
            tokenizer.no_truncation()
            expected[name] = [
                {"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False), "plain": tokenizer.decode(ids)}
                for ids in (tokenizer.encode(text, add_special_tokens=False).ids for text in given["texts"])
            ]
        except BaseException as error:
            expected[name] = f"{type(error).__name__}: {error}"
    (place / "expected.json").write_text(json.dumps(expected))


main(Path(sys.argv[1]))

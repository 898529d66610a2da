"""Small models as Hugging Face transformers saves them, and adapters as PEFT does, with log-probabilities of some tokens.

Argument: a folder that holds cases.json: {ids, models: {NAME: [model_type, settings]}, adapters: {NAME: [base's NAME,
settings of LoraConfig, whether what changed the base is converted]}}. It gets a folder for each name and expected.json:
{logprobs: {NAME: list, or why the library itself refuses the settings}, fields: those that the configurations have}.
"""

import dataclasses
import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig


def logprobs(model, ids):
    tokens = torch.tensor([ids])
    with torch.no_grad():
        table = torch.log_softmax(model.eval()(tokens).logits.double(), -1)[0, :-1]
    return table.gather(-1, tokens[0, 1:, None])[:, 0].tolist()


def load(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")


def save_model(folder, family, settings):
    config = AutoConfig.for_model(family, initializer_range=0.3, **settings)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        # Norms and biases begin at ones and zeros: let them say something.
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    return load(folder)


def save_adapter(folder, base, settings, converted):
    model = get_peft_model(load(base), LoraConfig(task_type="CAUSAL_LM", **settings))
    if converted:
        # The beginning is needed to convert: what is saved is the difference to it.
        model.peft_config["default"].init_lora_weights = True
        model.save_pretrained(f"{folder}-first")
        model.peft_config["default"].init_lora_weights = settings["init_lora_weights"]
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.add_(0.1 * torch.randn_like(parameter))
    if not converted:
        model.save_pretrained(folder)
        return PeftModel.from_pretrained(load(base), folder)
    model.save_pretrained(folder, path_initial_model_for_weight_conversion=f"{folder}-first")
    return model


def main(place):
    cases = json.loads((place / "cases.json").read_text())
    found = {}

    def keep(name, make):
        torch.manual_seed(len(found))
        try:
            found[name] = logprobs(make(), cases["ids"])
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"

    for name, (family, settings) in cases["models"].items():
        keep(name, lambda: save_model(place / name, family, settings))
    for name, (base, settings, converted) in cases["adapters"].items():
        keep(name, lambda: save_adapter(place / name, place / base, settings, converted))
    families = {family for family, _ in cases["models"].values()}
    fields = {
        "lora": sorted(field.name for field in dataclasses.fields(LoraConfig)),
        "generation": sorted(GenerationConfig().to_dict()),
        "models": {family: sorted(AutoConfig.for_model(family).to_dict()) for family in families},
    }
    (place / "expected.json").write_text(json.dumps({"logprobs": found, "fields": fields}))


main(Path(sys.argv[1]))

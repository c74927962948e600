"""From a PyTorch module with seeded weights to a small ONNX file."""

import io
import math
import warnings

import onnx
import torch

OPSET = 17
# Whether PyTorch's new exporter is used.
NEW = False


def seeded(module, seed=1, masks=2.0):
    """Weights of about unit gain from a generator of their own, so that masks differ and depend on prompts."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in list(module.named_parameters()) + list(module.named_buffers()):
            if not tensor.is_floating_point():
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(1 + 0.1 * noise.abs())
            elif name.endswith("weight") and tensor.dim() == 1:
                tensor.copy_(1 + 0.1 * noise)
            elif tensor.dim() <= 1:
                tensor.copy_(0.1 * noise)
            elif "embed" in name or "token" in name or "positional" in name:
                tensor.copy_(noise)
            else:
                fan = math.prod(tensor.shape[1:]) if tensor.dim() > 1 else 1
                # Logits of several units, so that thresholds about 0 tell masks apart.
                more = masks if "hypernetworks" in name else 1.0
                tensor.copy_(noise * more / math.sqrt(fan))
    return module.eval()


def export(module, args, inputs, outputs, dynamic=None):
    """By the exporter that traces, or by PyTorch's new one, which does not get through these decoders with an open number of
    points. Returns the model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if NEW and dynamic is None:
            program = torch.onnx.export(module, (args,), input_names=inputs, output_names=outputs, dynamo=True,
                                        opset_version=18, verbose=False)
            return program.model_proto
        buffer = io.BytesIO()
        torch.onnx.export(module, args, buffer, input_names=inputs, output_names=outputs, dynamic_axes=dynamic,
                          opset_version=OPSET, dynamo=False, do_constant_folding=True)
    return onnx.load_from_string(buffer.getvalue())


def save(model, path, beside):
    """The whole model in one file, or with its weights beside it, as PyTorch's new exporter writes them by default."""
    model = model if NEW else slim(model)
    data = path.with_name(f"{path.name}.data")
    # What is there is added to.
    data.unlink(missing_ok=True)
    if beside:
        onnx.save(model, path, save_as_external_data=True, location=data.name, size_threshold=256 if NEW else 0)
    else:
        onnx.save(model, path)


def slim(model):
    """The same graph with short names for what is neither input nor output, and without what is for people."""
    graph = model.graph
    fixed = {v.name for v in list(graph.input) + list(graph.output)}
    names = {}

    def short(name):
        if not name or name in fixed:
            return name
        return names.setdefault(name, f"t{len(names)}")

    def walk(graph):
        for tensor in graph.initializer:
            tensor.name = short(tensor.name)
            tensor.doc_string = ""
        del graph.value_info[:]
        graph.doc_string = ""
        for node in graph.node:
            node.name = ""
            node.doc_string = ""
            del node.metadata_props[:]
            node.input[:] = [short(n) for n in node.input]
            node.output[:] = [short(n) for n in node.output]
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    for value in list(attribute.g.input) + list(attribute.g.output):
                        value.name = short(value.name)
                    walk(attribute.g)

    walk(graph)
    graph.name = "g"
    del model.metadata_props[:]
    model.producer_version = ""
    return model

"""Reads datasets in shards with the packages that others use and compares them:

    python shards.py DIR [DIR ...]

Each folder is a dataset as `mapvec-data` writes it. It is read with `webdataset`,
`tensorflow` or `pyarrow`, as its manifest says. WebDataset tars are read a second time
with Python's own `tarfile`. All folders must hold the same records: give one folder per
format, written with the same seed, count and configuration. Sizes and counts are compared
with the manifest, keys with the numbers of the samples, and every array by kind, shape and
bytes. The numbers of shards may differ.

The content of every record is hashed as `Record::canonical_bytes` says, with BLAKE3. The
digest of all (that of the 32 bytes of each record in their order) is printed, to be compared
with what `inspect_dataset --verify` says: it does not come from the code that reads shards.

The last line is `{"records": ..., "arrays": ..., "mismatches": ...}`; the exit code is 1
unless there are no mismatches.
"""

import hashlib
import io
import json
import os
import struct
import sys
import tarfile

import blake3
import numpy as np

KINDS = {"float32": b"f", "int32": b"i", "uint8": b"u"}


def arrays_of(values):
    """Name -> (kind, shape, digest of the bytes) for a dictionary of arrays."""
    found = {}
    for name, value in values.items():
        value = np.asarray(value)
        # TensorFlow and tarfile may differ in byte order marks, not in values.
        data = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<")))
        digest = hashlib.sha256(data.tobytes()).hexdigest()
        found[name] = (value.dtype.newbyteorder("=").name, value.shape, digest)
    return found


def canonical_bytes(values):
    """The bytes of `Record::canonical_bytes`: names in order, kinds, shapes, values."""
    parts = [b"mapvec record 1\0", struct.pack("<Q", len(values))]
    for name, value in sorted(values.items(), key=lambda item: item[0].encode()):
        name, value = name.encode(), np.asarray(value)
        parts += [struct.pack("<Q", len(name)), name, KINDS[value.dtype.newbyteorder("=").name]]
        parts.append(struct.pack(f"<{1 + value.ndim}Q", value.ndim, *value.shape))
        parts.append(np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<"))).tobytes())
    return b"".join(parts)


def read_tarfile(path):
    """Key and arrays of every sample, by Python's own reader."""
    key, values = None, {}
    with tarfile.open(path, "r:") as tar:
        for entry in tar:
            if not entry.isfile():
                raise ValueError(f"{entry.name} is no file")
            found, extension = entry.name.split(".", 1)
            if key is not None and found != key:
                yield key, values
                values = {}
            key = found
            values[extension.removesuffix(".npy")] = np.load(io.BytesIO(tar.extractfile(entry).read()))
    if key is not None:
        yield key, values


def read_webdataset(path):
    import webdataset

    pipeline = webdataset.DataPipeline(
        webdataset.SimpleShardList([path]),
        webdataset.tarfile_to_samples(),
        webdataset.decode(),
    )
    for sample in pipeline:
        arrays = {k.removesuffix(".npy"): v for k, v in sample.items() if not k.startswith("__")}
        yield sample["__key__"], arrays


def read_tfrecord(path):
    import tensorflow as tf
    from tensorflow.core.framework import tensor_pb2

    kinds = {1: tf.float32, 3: tf.int32, 4: tf.uint8}
    for raw in tf.data.TFRecordDataset([path]):
        example = tf.train.Example.FromString(raw.numpy())
        values = {}
        for name, feature in example.features.feature.items():
            (serialized,) = feature.bytes_list.value
            # The kind is an argument of parse_tensor; the message says it, too.
            kind = tensor_pb2.TensorProto.FromString(serialized).dtype
            values[name] = tf.io.parse_tensor(serialized, kinds[kind]).numpy()
        yield None, values


def read_parquet(path):
    import pyarrow.parquet

    for batch in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=64):
        for row in batch.to_pylist():
            key = f"{row.pop('index'):09}"
            yield key, {name: np.load(io.BytesIO(cell)) for name, cell in row.items()}


READERS = {
    "webdataset": [read_webdataset, read_tarfile],
    "tfrecord": [read_tfrecord],
    "parquet": [read_parquet],
}


def main():
    folders = sys.argv[1:]
    if not folders:
        sys.exit(__doc__)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    truth, arrays, mismatches = {}, 0, 0

    def wrong(text):
        nonlocal mismatches
        mismatches += 1
        if mismatches <= 20:
            print(text)

    for folder in folders:
        with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
            manifest = json.load(file)
        for reader in READERS[manifest["plan"]["format"]]:
            number, everything = 0, blake3.blake3()
            for shard in manifest["shards"]:
                path = os.path.join(folder, shard["file"])
                if os.path.getsize(path) != shard["bytes"]:
                    wrong(f"{path}: {os.path.getsize(path)} bytes instead of {shard['bytes']}")
                if number != shard["first"]:
                    wrong(f"{path}: begins with sample {number} instead of {shard['first']}")
                for key, values in reader(path):
                    if key not in (None, f"{number:09}"):
                        wrong(f"{path}: sample {number} has the key {key}")
                    everything.update(blake3.blake3(canonical_bytes(values)).digest())
                    found = arrays_of(values)
                    arrays += len(found)
                    if found != truth.setdefault(number, found):
                        wrong(f"{path}: sample {number} differs by {reader.__name__}")
                    number += 1
            if number != manifest["samples"]:
                wrong(f"{folder}: {number} samples instead of {manifest['samples']}")
            print(f"{folder}: {number} samples by {reader.__name__}")
            print(f"BLAKE3 of all samples: {everything.hexdigest()}")
    print(json.dumps({"records": len(truth), "arrays": arrays, "mismatches": mismatches}))
    sys.exit(mismatches != 0)


if __name__ == "__main__":
    main()

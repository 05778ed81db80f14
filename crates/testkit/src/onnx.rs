//! A sentence model as small as can be, of any width: it knows nothing but which words two texts share.

/// The file of a model whose vectors have `width` components, as ONNX writes it: a token stands at the cosines of its
/// number times the model's frequencies (A. Rahimi and B. Recht, "Random features for large-scale kernel machines", NIPS
/// 2007), so that texts of the same words are near each other.
pub fn sentence_model(width: u16) -> Vec<u8> {
    let frequencies: Vec<u8> = (1..=width).flat_map(|n| (f32::from(n) * 2.399_963).sin().to_le_bytes()).collect();
    let graph = [
        node("Cast", &["input_ids"], "numbers", Some(("to", FLOAT))),
        node("Unsqueeze", &["numbers", "last"], "column", None),
        node("Mul", &["column", "frequencies"], "angles", None),
        node("Cos", &["angles"], "hidden", None),
        text(2, "words"),
        message(5, &tensor("last", INT64, 1, &2_i64.to_le_bytes())),
        message(5, &tensor("frequencies", FLOAT, width.into(), &frequencies)),
        message(11, &value("input_ids", INT64, &["texts", "width"])),
        message(12, &value("hidden", FLOAT, &["texts", "width", "components"])),
    ];
    // The thirteenth set of operators came with the eighth version of the format.
    let operators = number(2, 13);
    [number(1, 8), message(7, &graph.concat()), message(8, &operators)].concat()
}

/// The types of the format's `TensorProto`.
const FLOAT: u64 = 1;
const INT64: u64 = 7;
/// The type of an attribute that is a number.
const INT: u64 = 2;

fn node(operator: &str, inputs: &[&str], output: &str, attribute: Option<(&str, u64)>) -> Vec<u8> {
    let mut node: Vec<u8> = inputs.iter().flat_map(|input| text(1, input)).collect();
    node.extend([text(2, output), text(4, operator)].concat());
    if let Some((name, value)) = attribute {
        node.extend(message(5, &[text(1, name), number(3, value), number(20, INT)].concat()));
    }
    message(1, &node)
}

fn tensor(name: &str, kind: u64, length: u64, bytes: &[u8]) -> Vec<u8> {
    [number(1, length), number(2, kind), text(8, name), message(9, bytes)].concat()
}

fn value(name: &str, kind: u64, sides: &[&str]) -> Vec<u8> {
    let shape: Vec<u8> = sides.iter().flat_map(|side| message(1, &text(2, side))).collect();
    let tensor = [number(1, kind), message(2, &shape)].concat();
    [text(1, name), message(2, &message(1, &tensor))].concat()
}

/// Protocol buffers: a field of bytes, of text, and of a number.
fn message(field: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn text(field: u64, text: &str) -> Vec<u8> {
    message(field, text.as_bytes())
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

//! Holds answers against an OpenAPI description: as much of JSON Schema as that uses.

use serde_json::Value;

use super::stream::Answer;

/// The description.
pub struct Api(Value);

impl Api {
    pub fn new(description: &Value) -> Self {
        assert_eq!(description["openapi"], "3.1.0");
        Api(description.clone())
    }

    /// Every path with its methods.
    pub fn operations(&self) -> Vec<(String, String)> {
        let paths = self.0["paths"].as_object().unwrap();
        let methods = |(path, item): (&String, &Value)| {
            let path = path.clone();
            item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())).collect::<Vec<_>>()
        };
        paths.iter().flat_map(methods).collect()
    }

    /// The answer's status, kind and shape are among those promised.
    pub fn check(&self, path: &str, method: &str, answer: &Answer) {
        let place = format!("{method} {path} {}", answer.status);
        let promised = &self.0["paths"][path][method]["responses"][answer.status.to_string()];
        assert!(promised.is_object(), "{place}: not promised: {}", answer.text());
        let Some(content) = promised.get("content").and_then(Value::as_object) else { return };
        let kind = answer.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
        let promised = content.get(kind).unwrap_or_else(|| panic!("{place}: {kind} is not promised"));
        if let Some(schema) = promised.get("schema") {
            self.matches(schema, &answer.json(), &place).unwrap_or_else(|wrong| panic!("{wrong}"));
        }
    }

    fn matches(&self, schema: &Value, value: &Value, place: &str) -> Result<(), String> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = self.0.pointer(reference.trim_start_matches('#')).ok_or(format!("no {reference}"))?;
            return self.matches(target, value, place);
        }
        if let Some(any) = schema.get("oneOf").and_then(Value::as_array) {
            let fitting = any.iter().filter(|one| self.matches(one, value, place).is_ok()).count();
            return if fitting == 1 { Ok(()) } else { Err(format!("{place}: {value} fits {fitting} of the forms")) };
        }
        if let Some(constant) = schema.get("const") {
            return if constant == value { Ok(()) } else { Err(format!("{place}: {value} is not {constant}")) };
        }
        if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
            return if allowed.contains(value) {
                Ok(())
            } else {
                Err(format!("{place}: {value} is none of {allowed:?}"))
            };
        }
        let types = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => return Err(format!("{place}: a schema without a type")),
        };
        let is = |name: &str| match name {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => false,
        };
        if !types.iter().any(|name| is(name)) {
            return Err(format!("{place}: {value} is not {types:?}"));
        }
        if let Some(items) = value.as_array() {
            let bound = |key: &str| schema.get(key).and_then(Value::as_u64).map(|n| n as usize);
            if bound("minItems").is_some_and(|n| items.len() < n) || bound("maxItems").is_some_and(|n| items.len() > n)
            {
                return Err(format!("{place}: {} items", items.len()));
            }
            for (i, item) in items.iter().enumerate() {
                self.matches(&schema["items"], item, &format!("{place}[{i}]"))?;
            }
        }
        if let (Some(object), Some(properties)) =
            (value.as_object(), schema.get("properties").and_then(Value::as_object))
        {
            for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                if !object.contains_key(name) {
                    return Err(format!("{place}: `{name}` is missing"));
                }
            }
            for (name, value) in object {
                let Some(schema) = properties.get(name) else {
                    return Err(format!("{place}: `{name}` is not described"));
                };
                self.matches(schema, value, &format!("{place}.{name}"))?;
            }
        }
        Ok(())
    }
}

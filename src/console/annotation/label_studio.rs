//! Label Studio's machine-learning backend: `/health`, `/setup` and `/predict`, with answers as brush masks.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::response::json_response;
use super::brush;
use super::label_studio_host::fetch;
use super::photo::of_data_address;
use super::tool_error::ToolError;
use super::tools::Tools;
use crate::geometry::{BoundingBox, LabeledPoint, Size};
use crate::model::Prompt;

pub fn routes() -> Router<Tools> {
    Router::new().route("/health", get(health)).route("/setup", post(setup)).route("/predict", post(predict))
}

/// Label Studio asks before it uses a backend.
pub async fn health(State(tools): State<Tools>) -> Response {
    json_response(
        StatusCode::OK,
        json!({ "status": "UP", "model_class": "foveate", "model": &*tools.model }).to_string(),
    )
}

async fn setup(State(tools): State<Tools>) -> Response {
    json_response(StatusCode::OK, json!({ "model_version": version(&tools) }).to_string())
}

fn version(tools: &Tools) -> String {
    format!("{} ({})", tools.model, env!("CARGO_PKG_VERSION"))
}

#[derive(Deserialize)]
struct Predict {
    tasks: Vec<Task>,
    /// The labelling interface as XML.
    label_config: Option<String>,
    #[serde(default)]
    params: Params,
}

#[derive(Deserialize)]
struct Task {
    data: Map<String, Value>,
}

#[derive(Default, Deserialize)]
struct Params {
    /// What the user drew; absent when all tasks are asked about.
    context: Option<Context>,
}

#[derive(Deserialize)]
struct Context {
    #[serde(default)]
    result: Vec<Drawn>,
}

/// A key point or a rectangle, in hundredths of the photo's sides.
#[derive(Clone, Deserialize)]
struct Drawn {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    to_name: String,
    value: Map<String, Value>,
    #[serde(default)]
    is_positive: Option<Value>,
}

async fn predict(State(tools): State<Tools>, body: axum::body::Bytes) -> Result<Response, ToolError> {
    let Predict { tasks, label_config, params } = serde_json::from_slice(&body)
        .map_err(|error| ToolError::Invalid(format!("no request of Label Studio: {error}")))?;
    let version = version(&tools);
    let drawn = params.context.map(|context| context.result).unwrap_or_default();
    // Without something that a user drew there is nothing to be segmented.
    let (Some(task), false) = (tasks.first(), drawn.is_empty()) else {
        let none: Vec<Value> =
            tasks.iter().map(|_| json!({ "result": [], "score": 0.0, "model_version": version })).collect();
        return Ok(json_response(StatusCode::OK, json!({ "results": none }).to_string()));
    };
    let interface = Interface::of(label_config.as_deref().unwrap_or_default(), &drawn)?;
    let source = interface.source(&task.data)?;
    let label_studio = tools.label_studio.clone();
    // What computes does not wait for another server.
    let fetching = tokio::task::spawn_blocking(move || match source.starts_with("data:") {
        true => of_data_address(&source),
        false => fetch(&source, label_studio.as_deref()),
    });
    let photo = fetching.await.map_err(|_| ToolError::Broken)??;
    let answer = tools.annotator.ask(move |annotator| {
        let size = annotator.size_of(&photo)?;
        let answer = annotator.segment(&photo, &prompt_of(&drawn, size)?)?;
        let mut value = json!({ "format": "rle", "rle": brush::encode(&answer.mask) });
        if let Some(label) = drawn.iter().find_map(label_of) {
            value["brushlabels"] = json!([label]);
        }
        Ok(json!({
            "from_name": interface.brush, "to_name": interface.image, "type": "brushlabels",
            "original_width": size.width, "original_height": size.height, "image_rotation": 0,
            "value": value, "score": answer.score, "readonly": false,
        }))
    });
    let result = answer.await?;
    let answer = json!({ "result": [result], "score": result["score"], "model_version": version });
    Ok(json_response(StatusCode::OK, json!({ "results": [answer] }).to_string()))
}

/// The names in a labelling interface: of its brush, its image, and of what a task calls the photo.
struct Interface {
    brush: String,
    image: String,
    key: Option<String>,
}

impl Interface {
    /// # Errors
    /// An interface without brush labels on an image.
    fn of(config: &str, drawn: &[Drawn]) -> Result<Self, ToolError> {
        let brush = tag(config, "BrushLabels");
        let named = |name: &str| brush.as_ref().and_then(|tag| attribute(tag, name));
        let image = named("toName").or_else(|| drawn.first().map(|drawn| drawn.to_name.clone()));
        let Some((brush, image)) = named("name").zip(image) else {
            let reason = "the labelling interface has no <BrushLabels name=… toName=…>: add one (docs/annotation.md)";
            return Err(ToolError::Invalid(reason.into()));
        };
        let key = tag(config, "Image").and_then(|tag| attribute(&tag, "value"));
        Ok(Interface { brush, image, key: key.map(|key| key.trim_start_matches('$').to_owned()) })
    }

    /// Where a task's photo is.
    fn source(&self, data: &Map<String, Value>) -> Result<String, ToolError> {
        let named = self.key.as_ref().and_then(|key| data.get(key));
        let found = named.or_else(|| data.values().next()).and_then(Value::as_str);
        found.map(str::to_owned).ok_or_else(|| ToolError::Invalid("the task names no photo".into()))
    }
}

/// The attributes of the first tag `<name …>`.
fn tag(xml: &str, name: &str) -> Option<String> {
    let start = xml.match_indices('<').find_map(|(at, _)| {
        let rest = xml[at + 1..].strip_prefix(name)?;
        rest.starts_with(|c: char| c.is_whitespace()).then_some(rest)
    })?;
    Some(start[..start.find('>').unwrap_or(start.len())].to_owned())
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    tag.match_indices(name).find_map(|(at, _)| {
        let whole = tag[..at].ends_with(|c: char| c.is_whitespace());
        let value = tag[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        let quote = value.chars().next().filter(|c| whole && matches!(c, '"' | '\''))?;
        Some(value[1..].split(quote).next()?.to_owned())
    })
}

/// What was drawn as one prompt, in pixels of a photo of `size`.
fn prompt_of(drawn: &[Drawn], size: Size) -> Result<Prompt, ToolError> {
    let mut prompt = Prompt::default();
    for drawn in drawn {
        let number = |name: &str, side: u32| {
            let value = drawn.value.get(name).and_then(Value::as_f64);
            let missing = || ToolError::Invalid(format!("a {} without `{name}`", drawn.kind));
            Ok::<f32, ToolError>(value.ok_or_else(missing)? as f32 / 100.0 * side as f32)
        };
        let (x, y) = (number("x", size.width)?, number("y", size.height)?);
        match drawn.kind.as_str() {
            "keypointlabels" | "keypoint" => {
                let positive =
                    !matches!(drawn.is_positive, Some(Value::Bool(false))) && drawn.is_positive != Some(json!(0));
                let point = if positive { LabeledPoint::foreground(x, y) } else { LabeledPoint::background(x, y) };
                prompt.points.push(point);
            }
            "rectanglelabels" | "rectangle" => {
                let (width, height) = (number("width", size.width)?, number("height", size.height)?);
                let is_turned = drawn.value.get("rotation").and_then(Value::as_f64).is_some_and(|turn| turn != 0.0);
                if prompt.bbox.is_some() || is_turned {
                    return Err(ToolError::Invalid(
                        "one rectangle that is not turned, please: it is of one object".into(),
                    ));
                }
                prompt.bbox = Some(BoundingBox::new(x, y, x + width, y + height));
            }
            kind => {
                let reason = format!("`{kind}` is no prompt: draw with smart key points or rectangles");
                return Err(ToolError::Invalid(reason));
            }
        }
    }
    Ok(prompt)
}

/// The label that the user chose for what was drawn.
fn label_of(drawn: &Drawn) -> Option<&str> {
    drawn.value.get(&drawn.kind)?.as_array()?.first()?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = r#"<View>
        <Image name="photo" value="$picture" zoom="true"/>
        <BrushLabels name = 'brush' toName="photo"><Label value="cup"/></BrushLabels>
        <KeyPointLabels name="points" toName="photo" smart="true"><Label value="cup"/></KeyPointLabels>
    </View>"#;

    fn drawn(kind: &str, value: Value, is_positive: Option<Value>) -> Drawn {
        let Value::Object(value) = value else { unreachable!() };
        Drawn { kind: kind.into(), to_name: "photo".into(), value, is_positive }
    }

    #[test]
    fn an_interface_names_its_brush_and_its_photo() {
        let interface = Interface::of(CONFIG, &[]).unwrap();
        assert_eq!(
            (&*interface.brush, &*interface.image, interface.key.as_deref()),
            ("brush", "photo", Some("picture"))
        );
        let data = json!({ "other": 1, "picture": "/data/upload/1.jpg" });
        assert_eq!(interface.source(data.as_object().unwrap()).unwrap(), "/data/upload/1.jpg");
        assert!(Interface::of("<View><Image name='a' value='$b'/></View>", &[]).is_err());
    }

    #[test]
    fn what_is_drawn_is_in_hundredths() {
        let rows = [
            drawn("keypointlabels", json!({ "x": 50.0, "y": 25.0, "keypointlabels": ["cup"] }), Some(json!(true))),
            drawn("keypointlabels", json!({ "x": 10.0, "y": 10.0 }), Some(json!(0))),
            drawn("rectanglelabels", json!({ "x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0 }), None),
        ];
        let prompt = prompt_of(&rows, Size::new(200, 100)).unwrap();
        assert_eq!(prompt.points, [LabeledPoint::foreground(100.0, 25.0), LabeledPoint::background(20.0, 10.0)]);
        assert_eq!(prompt.bbox, Some(BoundingBox::new(20.0, 20.0, 80.0, 60.0)));
        assert_eq!(label_of(&rows[0]), Some("cup"));
        let refused = prompt_of(&[drawn("polygonlabels", json!({ "x": 1, "y": 1 }), None)], Size::new(2, 2));
        assert!(refused.unwrap_err().to_string().contains("polygonlabels"));
    }
}

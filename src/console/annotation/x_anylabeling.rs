//! X-AnyLabeling's remote models (its `Remote Server`): `/v1/models`, `/v1/predict`, and `/v1/video/…` for what is followed.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::response::json_response;
use super::annotator::Answer;
use super::outlines::polygons;
use super::photo::of_data_address;
use super::server_sent;
use super::tool_error::ToolError;
use super::tools::Tools;
use super::video::{self, Asked};
use crate::geometry::{BoundingBox, Label, LabeledPoint, Point};
use crate::mask::{Contours, Mask, Rle};
use crate::model::Prompt;

/// What the tool replaces by the label that its user chooses.
const LABEL: &str = "AUTOLABEL_OBJECT";
/// How coarse outlines are unless the tool says: the tool's own default.
const FINENESS: f32 = 0.001;

/// The tool's task by points and boxes, by none at all, and through a video.
const POINTS: &str = "points";
const EVERYTHING: &str = "everything";
const VIDEO: &str = "video";

pub fn routes() -> Router<Tools> {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/predict", post(predict))
        .route("/v1/video/init", post(video_init))
        .route("/v1/video/prompt", post(video_prompt))
        .route("/v1/video/propagate/stream", post(video_propagate))
        .route("/v1/video/cleanup/{session}", post(video_cleanup))
}

fn done(data: Value) -> Response {
    json_response(StatusCode::OK, json!({ "success": true, "data": data }).to_string())
}

/// What the request's body says.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ToolError> {
    serde_json::from_slice(body).map_err(|error| ToolError::Invalid(format!("no such request: {error}")))
}

async fn models(State(tools): State<Tools>) -> Response {
    let widgets = |names: &[&str]| -> Value { names.iter().map(|name| (name.to_string(), json!({}))).collect() };
    let marking =
        ["button_add_point", "button_add_rect", "button_remove_point", "button_clear", "button_finish_object"];
    let fine = ["mask_fineness_slider", "mask_fineness_value_label"];
    let prompts = [&marking[..], &fine].concat();
    let tasks = json!([
        { "id": POINTS, "name": "Points and boxes", "batch_processing_mode": null, "active_widgets": widgets(&prompts) },
        { "id": EVERYTHING, "name": "Everything", "batch_processing_mode": "default",
          "active_widgets": widgets(&[&["button_run"][..], &fine].concat()) },
        { "id": VIDEO, "name": "Follow through the images", "batch_processing_mode": "video",
          "active_widgets": widgets(&prompts) },
    ]);
    done(json!({ &*tools.model: {
        "display_name": &*tools.model, "available_tasks": tasks, "widgets": [], "batch_processing_mode": null,
        "params": {}, "classes": [],
    } }))
}

/// A point or a box that the user drew, in pixels of the photo.
#[derive(Deserialize)]
struct Mark {
    #[serde(rename = "type")]
    kind: String,
    data: Vec<f32>,
    /// 0 for what the object is not.
    #[serde(default = "one")]
    label: i64,
}

fn one() -> i64 {
    1
}

#[derive(Deserialize)]
struct Predict {
    image: String,
    #[serde(default)]
    params: Params,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Params {
    marks: Vec<Mark>,
    epsilon_factor: Option<f32>,
    text_prompt: Option<String>,
    current_task: Option<String>,
}

impl Params {
    fn fineness(&self) -> f32 {
        self.epsilon_factor.unwrap_or(FINENESS)
    }

    /// # Errors
    /// Words, which no model here understands.
    fn check(&self) -> Result<(), ToolError> {
        match self.text_prompt.as_deref() {
            None | Some("") => Ok(()),
            Some(_) => Err(ToolError::Invalid("this model understands no words: draw a point or a box".into())),
        }
    }
}

/// One prompt of all marks: they speak about one object.
fn prompt_of(marks: &[Mark]) -> Result<Prompt, ToolError> {
    let mut prompt = Prompt::default();
    for mark in marks {
        match (mark.kind.as_str(), &mark.data[..]) {
            ("point", &[x, y]) => prompt.points.push(labeled(x, y, mark.label)),
            ("rectangle", &[x0, y0, x1, y1]) if mark.label != 0 => {
                if prompt.bbox.is_some() {
                    return Err(ToolError::Invalid("one box at a time: finish the object before the next".into()));
                }
                prompt.bbox = Some(BoundingBox::new(x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1)));
            }
            ("rectangle", _) if mark.label == 0 => {
                return Err(ToolError::Invalid("a box of what the object is not: take points away instead".into()));
            }
            (kind, data) => {
                let reason = format!("a mark `{kind}` of {} numbers: give points and rectangles", data.len());
                return Err(ToolError::Invalid(reason));
            }
        }
    }
    Ok(prompt)
}

fn labeled(x: f32, y: f32, label: i64) -> LabeledPoint {
    let label = if label == 0 { Label::Background } else { Label::Foreground };
    LabeledPoint { point: Point::new(x, y), label }
}

async fn predict(State(tools): State<Tools>, body: axum::body::Bytes) -> Result<Response, ToolError> {
    let Predict { image, params } = parse(&body)?;
    params.check()?;
    let (photo, prompt, fineness) = (of_data_address(&image)?, prompt_of(&params.marks)?, params.fineness());
    let everything = params.current_task.as_deref() == Some(EVERYTHING);
    if params.marks.is_empty() && !everything {
        return Ok(done(json!({ "shapes": [], "description": "" })));
    }
    let shapes = tools.annotator.ask(move |annotator| {
        let mut contours = Contours::default();
        if !everything {
            let Answer { mask, score } = annotator.segment(&photo, &prompt)?;
            return Ok(shapes_of(&mask, score, fineness, None, &mut contours));
        }
        let (mut mask, mut shapes) = (Mask::default(), Vec::new());
        for found in annotator.everything(&photo)? {
            found.mask.decode(&mut mask);
            shapes.extend(shapes_of(&mask, found.predicted_iou, fineness, None, &mut contours));
        }
        Ok(shapes)
    });
    Ok(done(json!({ "shapes": shapes.await?, "description": "" })))
}

/// The parts of a mask as the tool's polygons.
fn shapes_of(mask: &Mask, score: f32, fineness: f32, group: Option<u64>, contours: &mut Contours) -> Vec<Value> {
    let shape = |points| {
        json!({ "label": LABEL, "shape_type": "polygon", "points": points, "score": score, "group_id": group,
                "attributes": {}, "difficult": false, "direction": 0, "flags": {}, "description": null, "kie_linking": [] })
    };
    polygons(mask, fineness, contours).into_iter().map(shape).collect()
}

#[derive(Deserialize)]
struct VideoInit {
    frames: Vec<String>,
}

async fn video_init(State(tools): State<Tools>, body: axum::body::Bytes) -> Result<Response, ToolError> {
    // Hundreds of megabytes keep a thread busy for a while; others are answered meanwhile.
    let reading = tokio::task::spawn_blocking(move || {
        let VideoInit { frames } = parse(&body)?;
        drop(body);
        frames.into_iter().map(|frame| of_data_address(&frame)).collect::<Result<Vec<_>, _>>()
    });
    let frames = reading.await.map_err(|_| ToolError::Broken)??;
    let count = frames.len();
    let session = tools.videos.add(frames)?;
    Ok(done(json!({ "session_id": session, "total_frames": count })))
}

#[derive(Deserialize)]
struct VideoPrompt {
    session_id: String,
    #[serde(default)]
    frame_index: usize,
    /// Shares of the frame's sides.
    #[serde(default)]
    points: Vec<[f32; 2]>,
    #[serde(default)]
    point_labels: Vec<i64>,
    #[serde(default = "one_object")]
    obj_id: u64,
    text_prompt: Option<String>,
    #[serde(default)]
    params: Params,
}

fn one_object() -> u64 {
    1
}

async fn video_prompt(State(tools): State<Tools>, body: axum::body::Bytes) -> Result<Response, ToolError> {
    let VideoPrompt { session_id, frame_index, points, point_labels, obj_id, text_prompt, params } = parse(&body)?;
    Params { text_prompt, ..Params::default() }.check()?;
    if points.is_empty() || points.len() != point_labels.len() {
        return Err(ToolError::Invalid("give points, and a label for each".into()));
    }
    let video = tools.videos.get(&session_id)?;
    let frame = video.frame(frame_index)?;
    let fineness = params.fineness();
    let answer = tools.annotator.ask(move |annotator| {
        let size = annotator.size_of(&frame)?;
        let place = |([x, y], label): (&[f32; 2], &i64)| labeled(x * size.width as f32, y * size.height as f32, *label);
        let points = points.iter().zip(&point_labels).map(place).collect();
        let Answer { mask, score } = annotator.segment(&frame, &Prompt { points, ..Prompt::default() })?;
        let shapes = shapes_of(&mask, score, fineness, Some(obj_id), &mut Contours::default());
        Ok((Asked { frame: frame_index, object: obj_id, mask: Rle::from_mask(&mask), score, fineness }, shapes))
    });
    let (asked, shapes) = answer.await?;
    video.ask(asked);
    Ok(done(json!({ "frame_index": frame_index, "masks": shapes })))
}

#[derive(Deserialize)]
struct VideoPropagate {
    session_id: String,
    start_frame: Option<usize>,
    /// The last that is wanted.
    end_frame: Option<usize>,
}

async fn video_propagate(State(tools): State<Tools>, body: axum::body::Bytes) -> Result<Response, ToolError> {
    let VideoPropagate { session_id, start_frame, end_frame } = parse(&body)?;
    let video = tools.videos.get(&session_id)?;
    let plan = video.plan(start_frame, end_frame)?;
    let (events, response) = server_sent::stream();
    tools.annotator.send(move |annotator| {
        let (all, first) = (video.len(), plan.first());
        if !events.send(&json!({ "type": "started", "total_frames": all, "start_frame_index": first })) {
            return;
        }
        let mut results = serde_json::Map::new();
        let mut contours = Contours::default();
        let followed = video::follow(annotator, &video, plan, &mut |frame, objects| {
            if frame < first {
                return !events.is_closed();
            }
            let masks = objects.iter().flat_map(|found| {
                shapes_of(found.mask, found.score, found.fineness, Some(found.object), &mut contours)
            });
            results.insert(frame.to_string(), json!({ "masks": masks.collect::<Vec<_>>() }));
            events.send(&json!({ "type": "progress", "current_frame": frame, "total_frames": all }))
        });
        events.send(&match followed {
            Ok(()) => json!({ "type": "completed", "results": results }),
            Err(error) => json!({ "type": "error", "message": error.to_string() }),
        });
    })?;
    Ok(response)
}

async fn video_cleanup(State(tools): State<Tools>, Path(session): Path<String>) -> Response {
    done(json!({ "removed": tools.videos.remove(&session) }))
}

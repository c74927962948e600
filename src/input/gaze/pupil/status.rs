use serde::Deserialize;
use serde_json::Value;

use crate::input::gaze::glasses::Glasses;
use crate::text;

/// What `/api/status` says that matters here.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    pub glasses: Glasses,
    /// The address that the phone gives as its own. Nothing is sent there but by way of the host that was asked.
    pub own_address: String,
    /// Where gaze is streamed from, by the Real-time Streaming Protocol: on the host that was asked.
    pub gaze_url: String,
    /// Where the phone gives its time.
    pub echo_port: Option<u16>,
}

#[derive(Deserialize)]
struct Answer {
    result: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    model: String,
    data: Value,
}

#[derive(Deserialize)]
struct Phone {
    #[serde(default)]
    time_echo_port: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Hardware {
    version: Value,
    glasses_serial: Value,
    module_serial: Value,
}

#[derive(Deserialize)]
struct Sensor {
    sensor: String,
    conn_type: String,
    #[serde(default)]
    connected: bool,
    #[serde(default)]
    ip: Option<String>,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    protocol: Option<String>,
    #[serde(default)]
    params: Option<String>,
}

impl Status {
    /// Reads the answer of `host` to `GET /api/status`. Components of unknown kind are skipped, and so is every other host that it
    /// names: an answer must not send us elsewhere.
    ///
    /// # Errors
    /// What is missing from it, and what to do.
    pub fn parse(host: &str, json: &[u8]) -> Result<Status, String> {
        let json = text::decode(json).map_err(|reason| format!("the answer to /api/status is {reason}"))?;
        let answer: Answer =
            serde_json::from_str(json).map_err(|e| format!("the answer to /api/status is no status ({e})"))?;
        let (mut echo_port, mut glasses, mut gaze) = (None, None, None);
        for Component { model, data } in answer.result {
            match model.as_str() {
                "Phone" => echo_port = serde_json::from_value::<Phone>(data).ok().and_then(|p| p.time_echo_port),
                "Hardware" => glasses = serde_json::from_value(data).ok().and_then(glasses_of),
                "Sensor" => {
                    let sensor: Option<Sensor> = serde_json::from_value(data).ok();
                    gaze = gaze.or(sensor.filter(|s| s.sensor == "gaze" && s.conn_type == "DIRECT"));
                }
                _ => {}
            }
        }
        let sensor = gaze.ok_or("the phone streams no gaze: allow streaming in the Companion app's settings")?;
        if !sensor.connected {
            return Err("the glasses are not connected to the phone: plug them in".into());
        }
        let (Some(ip), Some(port)) = (sensor.ip, sensor.port) else {
            return Err("the phone does not say where it streams gaze".into());
        };
        if sensor.protocol.as_deref().is_some_and(|protocol| protocol != "rtsp") {
            return Err("the phone streams gaze by another protocol than RTSP".into());
        }
        if ip.contains(|c: char| c.is_control() || c == ' ') {
            return Err("the phone's address of gaze has characters that no address has".into());
        }
        let gaze_url = format!("rtsp://{host}:{port}/?{}", sensor.params.unwrap_or_default());
        if gaze_url.chars().any(|c| c.is_control() || c == ' ') {
            return Err("the phone's address of gaze has characters that no address has".into());
        }
        let glasses = glasses.ok_or("the phone does not say which glasses are connected: plug them in again")?;
        Ok(Status { glasses, own_address: ip, gaze_url, echo_port })
    }
}

impl Status {
    /// The host of [`gaze_url`](Self::gaze_url).
    pub fn host(&self) -> Option<&str> {
        let (host, _) = self.gaze_url.strip_prefix("rtsp://")?.split_once("/?")?;
        host.rsplit_once(':').map(|(host, _)| host)
    }
}

/// By the serial number that each kind has, or else by the version.
fn glasses_of(hardware: Hardware) -> Option<Glasses> {
    let given = |serial: &Value| serial.as_str().is_some_and(|s| !matches!(s, "" | "unknown" | "-1"));
    let version = match &hardware.version {
        Value::String(version) => version.clone(),
        other => other.to_string(),
    };
    if given(&hardware.module_serial) || version.starts_with('2') {
        Some(Glasses::Neon)
    } else if given(&hardware.glasses_serial) || version.starts_with('1') {
        Some(Glasses::Invisible)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(hardware: Value, sensor: Value) -> Value {
        json!({"message": "Success", "result": [
            {"model": "Phone", "data": {"ip": "10.0.0.2", "time_echo_port": 12321, "battery_level": 90}},
            {"model": "Hardware", "data": hardware},
            {"model": "Sensor", "data": {"sensor": "world", "conn_type": "DIRECT", "connected": true,
                "ip": "10.0.0.2", "port": 8086, "protocol": "rtsp", "params": "camera=world"}},
            {"model": "Sensor", "data": {"sensor": "gaze", "conn_type": "WEBSOCKET", "connected": true,
                "ip": "10.0.0.2", "port": 8686, "protocol": "rtsp", "params": "camera=gazews"}},
            {"model": "Sensor", "data": sensor},
            {"model": "Something new", "data": {"a": 1}},
        ]})
    }

    fn sensor() -> Value {
        json!({"sensor": "gaze", "conn_type": "DIRECT", "connected": true, "stream_error": false,
            "ip": "10.0.0.2", "port": 8086, "protocol": "rtsp", "params": "camera=gaze&audioenable=off"})
    }

    fn neon() -> Value {
        json!({"version": "2.0", "glasses_serial": "unknown", "world_camera_serial": "unknown", "module_serial": "578846"})
    }

    fn parse(value: Value) -> Result<Status, String> {
        Status::parse("neon.local", value.to_string().as_bytes())
    }

    #[test]
    fn glasses_address_and_echo_port() {
        let expected = Status {
            glasses: Glasses::Neon,
            own_address: "10.0.0.2".into(),
            gaze_url: "rtsp://neon.local:8086/?camera=gaze&audioenable=off".into(),
            echo_port: Some(12321),
        };
        assert_eq!(parse(status(neon(), sensor())), Ok(expected));
        let invisible = json!({"version": "1", "glasses_serial": "h8s8g", "world_camera_serial": "xyz"});
        assert_eq!(parse(status(invisible, sensor())).unwrap().glasses, Glasses::Invisible);
    }

    #[test]
    fn an_answer_sends_us_to_no_other_host() {
        for ip in ["10.0.0.9", "fe80::1", "metadata.example", "10.0.0.2@10.0.0.9", "10.0.0.9:1/"] {
            let mut sensor = sensor();
            sensor["ip"] = json!(ip);
            let status = parse(status(neon(), sensor)).unwrap();
            assert_eq!((status.host(), status.own_address.as_str()), (Some("neon.local"), ip));
            assert!(status.gaze_url.starts_with("rtsp://neon.local:8086/?"), "{}", status.gaze_url);
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        let with = |key: &str, value: Value| {
            let mut sensor = sensor();
            sensor[key] = value;
            parse(status(neon(), sensor)).unwrap_err()
        };
        assert!(with("connected", json!(false)).contains("plug them in"));
        assert!(with("sensor", json!("imu")).contains("streams no gaze"));
        assert!(with("port", json!(null)).contains("where"));
        assert!(with("protocol", json!("webrtc")).contains("RTSP"));
        assert!(with("params", json!("a\r\nPLAY")).contains("characters"));
        assert!(parse(status(json!({}), sensor())).unwrap_err().contains("which glasses"));
        assert!(parse(json!([1])).unwrap_err().contains("no status"));
        assert!(Status::parse("neon.local", b"\xff").is_err());
    }
}

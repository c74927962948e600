use super::*;

#[test]
#[ignore]
fn probe() {
    let dir = std::env::var("PROBE").unwrap();
    let threads: usize = std::env::var("PROBE_THREADS").ok().and_then(|t| t.parse().ok()).unwrap_or(1);
    let n: usize = std::env::var("PROBE_N").ok().and_then(|t| t.parse().ok()).unwrap_or(1);
    for (file, shapes) in [
        ("encoder", vec![("image".to_string(), vec![1, 3, 256, 256])]),
        (
            "decoder",
            vec![
                ("embedding".to_string(), vec![1, 64, 32, 32]),
                ("skip".to_string(), vec![1, 16, 64, 64]),
                ("prompt_maps".to_string(), vec![n, 3, 64, 64]),
                ("mask_input".to_string(), vec![n, 1, 128, 128]),
            ],
        ),
    ] {
        let t = std::time::Instant::now();
        let m = OnnxModel::open(format!("{dir}/{file}.onnx"), Limits::default()).unwrap();
        let shapes = shapes.into_iter().map(|(n, mut s)| { if let Some(i) = m.inputs().iter().find(|i| i.name == n) { s[1] = i.shape[1].unwrap_or(s[1]); } (n, s) }).filter(|(n, s)| m.inputs().iter().any(|i| i.name == *n && i.shape.len() == s.len())).collect();
        let g = m.compile(&CompileOptions { shapes, threads: Threads::new(threads), ..Default::default() }).unwrap();
        println!("load {:?}", t.elapsed());
        println!("{}", serde_json::to_string_pretty(g.audit()).unwrap());
        let mut s = g.session().unwrap();
        s.warm_up(5).unwrap();
        let mut out = vec![];
        let mut times: Vec<f64> = (0..60)
            .map(|_| {
                let cpu = || { let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime); t.tv_sec as f64 * 1e3 + t.tv_nsec as f64 * 1e-6 };
                let t = cpu();
                s.run(&mut out).unwrap();
                cpu() - t
            })
            .collect();
        times.sort_by(f64::total_cmp);
        if std::env::var("PROFILE").is_ok() { g.profile(); }
        println!("{file} threads {threads}: min {:.3} median {:.3} ms", times[0], times[30]);
    }
}

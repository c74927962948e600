use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use hyper_util::service::TowerToHyperService;

use super::proxy::BasePath;

/// Answers requests whose path begins at its own root.
pub type Answers = TowerToHyperService<Router>;

/// What one server serves: a site at the root and, of several cameras, one under the name of each.
#[derive(Clone)]
pub struct Sites {
    root: Answers,
    cameras: Arc<[(BasePath, Answers)]>,
}

/// Who answers a request.
pub enum Site {
    /// This one, and the request's path is its own now.
    Of(Answers),
    /// It must be asked for with this path, without a slash at the front.
    Moved(String),
}

impl Sites {
    /// `root` alone.
    pub fn one(root: Router) -> Self {
        Sites::with_cameras(root, [])
    }

    /// `root`, and each camera's site under its path.
    pub fn with_cameras(root: Router, cameras: impl IntoIterator<Item = (BasePath, Router)>) -> Self {
        let site = |(path, router)| (path, TowerToHyperService::new(router));
        Sites { root: TowerToHyperService::new(root), cameras: cameras.into_iter().map(site).collect() }
    }

    /// Finds who answers for `uri`, and takes off what leads there.
    pub fn find(&self, uri: &mut Uri) -> Site {
        for (path, answers) in self.cameras.iter() {
            if path.lacks_slash(uri) {
                let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
                return Site::Moved(format!("{}{query}", path.to_string().trim_start_matches('/')));
            }
            if path.strip(uri) {
                return Site::Of(answers.clone());
            }
        }
        Site::Of(self.root.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_its_camera() {
        let path = |text: &str| text.parse::<BasePath>().unwrap();
        let sites =
            Sites::with_cameras(Router::new(), [(path("/left"), Router::new()), (path("/right"), Router::new())]);
        let rows = [
            ("/", "/"),
            ("/left/", "/"),
            ("/left/api/state?x=1", "/api/state?x=1"),
            ("/right/ws", "/ws"),
            ("/lefty/ws", "/lefty/ws"),
            ("/api/cameras", "/api/cameras"),
        ];
        for (asked, expected) in rows {
            let mut uri: Uri = asked.parse().unwrap();
            assert!(matches!(sites.find(&mut uri), Site::Of(_)), "{asked}");
            assert_eq!(uri.to_string(), expected);
        }
        let moved = sites.find(&mut "/right?token=x".parse().unwrap());
        assert!(matches!(moved, Site::Moved(path) if path == "right/?token=x"));
    }
}

use mapvec_synth::*;
use mapvec_data::sample_rng;
fn main() {
    let dir = std::path::Path::new("/work/scratch/synth");
    let args: Vec<String> = std::env::args().collect();
    let n: u64 = args.get(1).and_then(|s| s.parse().ok()).unwrap_or(3);
    let first: u64 = args.get(2).and_then(|s| s.parse().ok()).unwrap_or(0);
    let only = args.get(3).cloned().unwrap_or_default();
    let size: u32 = args.get(4).and_then(|s| s.parse().ok()).unwrap_or(640);
    for (name, style) in [("town", SheetStyle::Town), ("topo", SheetStyle::Topographic), ("rural", SheetStyle::Rural)] {
        if !only.is_empty() && only != name { continue; }
        let mut total = 0.0;
        for k in first..first + n {
            let config = SheetConfig { style, size, ..SheetConfig::default() };
            let t = std::time::Instant::now();
            let s = generate_sheet(&config, &mut sample_rng(11, k)).unwrap();
            total += t.elapsed().as_secs_f64();
            let (h, w) = s.sample.size();
            let mut img = image::RgbImage::new(w as u32, h as u32);
            let mut lab = image::RgbImage::new(w as u32, h as u32);
            let mut dis = image::RgbImage::new(w as u32, h as u32);
            for y in 0..h { for x in 0..w {
                let p: [u8;3] = std::array::from_fn(|c| s.sample.image[(y,x,c)]);
                img.put_pixel(x as u32, y as u32, image::Rgb(p));
                let l = &s.sample.labels;
                let mut q = p.map(|v| (f32::from(v)*0.6+100.0) as u8);
                if l.class[(y,x)]==2 { q[2] = q[2].saturating_sub(50); }
                if l.class[(y,x)]==1 { q = [q[0]/2+100, q[1]/2, q[2]/2+100]; }
                if l.boundary[(y,x)]==1 { q=[255,0,0]; }
                if l.centreline[(y,x)]==1 { q=[0,0,255]; }
                lab.put_pixel(x as u32, y as u32, image::Rgb(q));
                let d = [[255,255,255],[220,0,0],[0,160,0],[0,0,220]][usize::from(l.distractor[(y,x)])];
                dis.put_pixel(x as u32, y as u32, image::Rgb(d));
            }}
            img.save(dir.join(format!("{name}{k}.png"))).unwrap();
            lab.save(dir.join(format!("{name}{k}_label.png"))).unwrap();
            dis.save(dir.join(format!("{name}{k}_distractor.png"))).unwrap();
            println!("{name}{k}: {} shapes {} lines", s.shapes.len(), s.lines.len());
        }
        println!("{name}: {:.3} s", total / n as f64);
    }
}

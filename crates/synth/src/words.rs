//! Words as they stand on town plans and topographic sheets.

use crate::draw::Draw;

const TOWN: [&str; 64] = [
    "Rue",
    "de",
    "la",
    "du",
    "des",
    "Place",
    "Quai",
    "Boulevard",
    "Passage",
    "Saint",
    "Impasse",
    "Cour",
    "Square",
    "Avenue",
    "Pont",
    "École",
    "Église",
    "Hôpital",
    "Marché",
    "Hôtel",
    "Ministère",
    "Caserne",
    "Musée",
    "Jardin",
    "Lycée",
    "Mairie",
    "Théâtre",
    "Bains",
    "Port",
    "Gare",
    "Halle",
    "Temple",
    "Poste",
    "Prison",
    "Abattoir",
    "Crèche",
    "Garçons",
    "Filles",
    "Dépôt",
    "Manège",
    "Chapelle",
    "Couvent",
    "Collège",
    "Bibliothèque",
    "Préfecture",
    "Bureau",
    "Atelier",
    "Usine",
    "Fontaine",
    "Statue",
    "Asile",
    "Hospice",
    "Station",
    "Annexe",
    "Tribunal",
    "Palais",
    "Cité",
    "Villa",
    "Galerie",
    "Cimetière",
    "Entrepôt",
    "Douane",
    "Arsenal",
    "Octroi",
];

const LAND: [&str; 32] = [
    "Köy",
    "Dağ",
    "Tepe",
    "Dere",
    "Ova",
    "Çay",
    "Yayla",
    "Bağ",
    "Göl",
    "Burnu",
    "Boğazı",
    "Kale",
    "Çiftlik",
    "Değirmen",
    "Mezar",
    "Han",
    "İst.",
    "Pınar",
    "Kuyu",
    "Orman",
    "Moulin",
    "Ferme",
    "Bois",
    "Mont",
    "Étang",
    "Croix",
    "Chau",
    "Font",
    "Hof",
    "Mühle",
    "Wald",
    "Berg",
];

const SYLLABLES: [&str; 48] = [
    "ba", "ber", "bou", "car", "cha", "cle", "con", "dan", "del", "dou", "fer", "fon", "gar",
    "ger", "gra", "hau", "jac", "lan", "lau", "len", "lou", "mar", "mer", "mon", "mou", "nan",
    "nor", "pas", "per", "pier", "pont", "ren", "ri", "ro", "sain", "san", "sul", "tel", "ter",
    "tou", "val", "ver", "vi", "vol", "gu", "thé", "né", "zé",
];

const TURKISH: [&str; 40] = [
    "ak", "al", "bo", "bur", "çal", "çam", "çer", "da", "dağ", "de", "dur", "ela", "gök", "gül",
    "ha", "ir", "ka", "kara", "kaş", "ke", "kı", "kö", "kur", "la", "ma", "mer", "oba", "öz", "pa",
    "sa", "sar", "şa", "şe", "su", "ta", "tü", "ün", "ya", "yeni", "zı",
];

const ENDINGS: [&str; 16] =
    ["t", "s", "e", "in", "on", "ard", "ot", "y", "es", "", "é", "ault", "eau", "ier", "el", "x"];

/// A word or short name of a town plan.
pub(crate) fn town_word(draw: &mut Draw) -> String {
    let mut text = match draw.weighted(&[0.5, 0.38, 0.12]) {
        0 => draw.pick(TOWN).to_owned(),
        1 => proper(draw, &SYLLABLES, true),
        _ => draw.count(1, 300).to_string(),
    };
    if draw.chance(0.25) {
        text.push(' ');
        text.push_str(draw.pick(TOWN));
    }
    if draw.chance(0.16) { text.to_uppercase() } else { text }
}

/// The name of a street.
pub(crate) fn street_name(draw: &mut Draw) -> String {
    let kind =
        draw.pick(["Rue", "Rue", "Rue", "Avenue", "Boulevard", "R.", "Quai", "Passage", "Imp."]);
    let link = draw.pick([" ", " de ", " de la ", " du ", " des ", " St ", " Saint "]);
    format!("{kind}{link}{}", proper(draw, &SYLLABLES, true))
}

/// The name of a place on open land, or a height.
pub(crate) fn land_word(draw: &mut Draw) -> String {
    match draw.weighted(&[0.42, 0.2, 0.18, 0.2]) {
        0 => proper(draw, &TURKISH, false).to_uppercase(),
        1 => format!("{} {}", proper(draw, &TURKISH, false), draw.pick(LAND)),
        2 => proper(draw, &TURKISH, false),
        _ => draw.count(10, 1900).to_string(),
    }
}

fn proper(draw: &mut Draw, syllables: &[&str], ending: bool) -> String {
    let mut name = String::new();
    for _ in 0..draw.count(1, 3) {
        let index = draw.count(0, syllables.len() - 1);
        name.push_str(syllables[index]);
    }
    if ending {
        name.push_str(draw.pick(ENDINGS));
    }
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        let capital =
            if first == 'i' { 'İ'.to_string() } else { first.to_uppercase().to_string() };
        capital + letters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{land_word, street_name, town_word};
    use crate::draw::Draw;
    use crate::glyphs::{Font, glyph};

    #[test]
    fn words_can_be_lettered() {
        let mut draw = Draw::from_rng(&mut ChaCha8Rng::seed_from_u64(5));
        for _ in 0..2000 {
            for word in [town_word(&mut draw), street_name(&mut draw), land_word(&mut draw)] {
                for character in word.chars().filter(|c| !c.is_whitespace()) {
                    assert!(glyph(Font::SerifBold, character).is_some(), "{character} in {word}");
                }
            }
        }
    }
}

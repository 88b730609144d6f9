"""From a picture to a cut-out of a person's face that is kept, or the reason why not."""

from __future__ import annotations

from fer_core.preprocess import InputSpec
from fer_core.values import Face, Frame
from fer_edge.identity.cut_outs import cut_out
from fer_train.studio.finding import FaceFinder
from fer_train.studio.names import recording_name
from fer_train.studio.people import PeopleFolders
from fer_train.studio.quality import crop_fault, person_fault
from fer_train.studio.shots import Shot, shot_of


def take_person_shot(
    people: PeopleFolders,
    finder: FaceFinder,
    name: str,
    recording: str,
    frame: Frame,
    photo: bool = False,
) -> Shot:
    """Keep a cut-out of a frame's face for a person, unless the gate refuses it.

    Besides what `take_shot` refuses: a face that is another person's than the ones that the name
    has, one that adds nothing to them, and one that --faces would not find again.

    Args:
        people: What keeps it.
        finder: What finds the face.
        name: The person.
        recording: What the frame is a part of.
        frame: The frame.
        photo: Whether it is a picture for itself, not the next one of a stream.

    Raises:
        FerError: There is no such person or no room, the disk is full, or dlib is missing.
    """
    people.require_room(name)
    recording = recording_name(recording, photo)

    def keep(face: Face) -> Shot:
        if why := crop_fault(InputSpec().pixels(frame, face), ()):
            return Shot(why=why)
        cut = cut_out(frame, face).pixels
        known = people.the_face(cut)
        if isinstance(known, str):
            return Shot(why=known)
        shown = [each.descriptor for each in people.faces(name)]
        if why := person_fault(known.descriptor, shown):
            return Shot(why=why)
        return Shot(people.keep_face(name, recording, cut, known))

    return shot_of(finder, "" if photo else f"people/{recording}", frame, keep)

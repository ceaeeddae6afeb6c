"""Things that captions speak of, and the words that say that one is there, or leave it open.

One table for those who phrase questions from captions and for those who judge answers. A thing is
present when captions name it, and absent only when no caption holds any word that could mean it.
Things that captions often leave out (shirts, trees, the sky) are not in the table: their absence
from captions does not show that they are absent from the picture.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

_PERSON = """
person people someone somebody adult adults human humans crowd group couple family player
players team skier skiers snowboarder snowboarders skateboarder skateboarders skater surfer
surfers biker bikers bicyclist bicyclists cyclist cyclists rider riders runner runners hiker
hikers climber climbers swimmer swimmers kayaker kayakers boater boaters diver dancer dancers
performer performers musician musicians singer worker workers driver racer wrestler wrestlers
soldier soldiers friend friends fan fans owner parent parents band audience spectators tourists
pedestrians they he she his her him individual athlete motorcyclist quarterback teenager
teenagers teen teens youth toddler baby infant child children kid kids kid's child's person's
student students coach referee others hands hand arm face leg legs feet body
"""
_MALE = """
man men guy guys gentleman gentlemen man's men's policeman fisherman cowboy father dad groom
male males boy boys boy's son brother brothers
"""
_FEMALE = """
woman women lady ladies woman's women's mother mom bride female females girl girls girl's
daughter sister sisters cheerleader cheerleaders
"""

# Per thing: its phrase; after "=" the words that name it; after "?" those that leave it open.
# Words in capitals stand for the groups above.
_TABLE = """
a dog
= dog dogs puppy puppies greyhound greyhounds poodle terrier dog's collie
? animal animals pet pets retriever shepherd rottweiler labrador dalmatian bulldog pug husky
? dachshund beagle boxer hound hounds corgi wolf fox pup canine

a cat
= cat cats kitten kittens
? animal animals pet pets tiger lion

a horse
= horse horses pony ponies horseback
? animal animals bull rider riders jockey cowboy cowboys rodeo carriage bronco mule donkey

a bird
= bird birds seagull seagulls duck ducks pigeon pigeons goose geese swan eagle parrot flamingo
= flamingos
? animal animals hawk owl falcon heron ostrich chicken rooster

a person
= man men woman women boy boys girl girls person people child children lady guy
? PERSON MALE FEMALE

a man
= man men guy guys gentleman gentlemen man's men's policeman fisherman
? PERSON MALE

a woman
= woman women lady ladies woman's women's
? PERSON FEMALE

a boy
= boy boys boy's
? PERSON MALE

a girl
= girl girls girl's
? PERSON FEMALE

a baby
= baby babies infant toddler
? child children kid kids boy girl little

a ball
= ball balls basketball football volleyball baseball softball
? soccer tennis rugby golf game sport sports player players bowling cricket bat racket toy toys
? pitch pitcher catcher quarterback croquet lacrosse hockey pool field team juggling juggler
? juggles balloon

a bicycle
= bicycle bicycles bike bikes
? motorcycle motorbike biker bikers biking bicyclist bicyclists cyclist cyclists cycling bmx
? motocross dirtbike tricycle unicycle scooter rider riders cycle rides ride riding wheel

a motorcycle
= motorcycle motorcycles motorbike motorbikes dirtbike
? bike bikes biker bikers motocross motorcyclist motorcyclists scooter rider riders racer cycle
? moped rides ride riding racing atv

a skateboard
= skateboard skateboards
? skateboarder skateboarders skateboarding skater skaters skating board skate boarder

a car
= car cars
? vehicle vehicles truck van suv taxi jeep traffic street road driving automobile parking racing
? race bus driver

a bus
= bus buses
? vehicle vehicles van truck train trolley traffic transit street

a boat
= boat boats canoe canoes kayak kayaks raft rafts sailboat rowboat
? ship ships sail sailing rafting kayaker kayakers kayaking canoeing boater boating paddle
? paddling rowing rower rowers tube tubing dock harbor vessel jetski inflatable

a train
= train trains
? railroad railway tracks track subway trolley tram

snow
= snow snowy
? snowboard snowboarder snowboarding snowboarders ski skis skier skiers skiing snowball snowman
? sled sledding sledder winter ice icy snowmobile slope snowsuit snowshoes snowbank snowdrift
? wintry frozen

a beach
= beach beaches seashore
? sand sandy ocean sea shore shoreline surf surfer surfing waves coast water lake seaside
? surfboard wave

a swimming pool
= pool pools
? swim swims swimming swimmer water diving dives bathing tub underwater

water
= water ocean sea lake river creek pond stream pool
? pools swim swims swimming swimmer surf surfer surfing surfs surfboard wave waves waterfall
? fountain beach shore splash splashing splashes wet boat boats kayak kayaker kayaking canoe
? raft rafting puddle dock fishing fisherman diving dives sprinkler hose bath bathtub harbor
? rain underwater wading wades wakeboard wakeboarder ship coast bay swamp tide ice rapids pier
? slide waterslide bridge marsh mud muddy drinking bottle

a mountain
= mountain mountains mountaintop
? hill hills cliff cliffs rock rocks rocky peak peaks climber climbing climbs slope slopes
? mountainside hiker hikers hiking range summit canyon valley scenery landscape skier skiing
? snowboarder snow hillside

a skier
= skier skiers skiing skis
? ski snowboard snowboarder snowboarding slope snow snowy

a surfer
= surfer surfers surfing surfs surfboard surfboards
? surf wave waves boogie bodyboard wakeboarder wakeboard wakeboarding board ocean

a guitar
= guitar guitars guitarist
? instrument instruments musician musicians band music banjo violin bass singer rock performer
? performing stage concert ukulele

a frisbee
= frisbee frisbees
? disc disk toy toys catch catches catching

a swing
= swing swings swinging
? playground rope hammock bat racket racquet batter golf baseball tennis hanging

a bench
= bench benches
? seat seats seated sitting sits sit chair chairs

a tent
= tent tents
? camp camping campsite canopy camper campers market booth shelter

a flag
= flag flags
? banner banners parade sign signs

a fountain
= fountain fountains
? water sprinkler sprinklers splash statue

a fire
= fire fires campfire bonfire flames
? flame firework fireworks sparks grill smoke fireman firefighters burning torch torches candle
? candles barbecue firemen

a trampoline
= trampoline trampolines
? bounce bouncing bounces inflatable bouncy

a sled
= sled sleds sledding toboggan
? sledder slide sliding slides tube tubing snow snowy sledge inner

a balloon
= balloon balloons
? ball party parachute birthday inflatable bubble bubbles

a camera
= camera cameras
? photo photos photograph photographs photographer photographers picture pictures film filming
? video videotaping lens tripod posing poses pose binoculars

a couch
= couch couches sofa
? chair chairs armchair seat bed loveseat cushion recliner

a bed
= bed beds
? mattress sleeping sleeps sleep couch blanket pillow hammock crib cot laying lying

a stick
= stick sticks
? branch branches twig log pole hockey lacrosse bat toy wood baton

a fence
= fence fences fenced
? railing gate rail barrier wall chain chainlink post net hurdle obstacle jump

a stage
= stage onstage
? concert band perform performs performing performer performers performance musician musicians
? show singer singing dancers dancing microphone platform theater guitar audience

a playground
= playground
? swing swings slide slides park play playing plays monkey equipment seesaw jungle
"""


@dataclass(frozen=True)
class ObjectWords:
    """One kind of thing.

    Attributes:
        name: Short name, for example "bicycle".
        phrase: As it stands in a question: "a bicycle".
        words: Lower-case words that name it.
        doubtful: Further words that leave it open whether it is there.
    """

    name: str
    phrase: str
    words: frozenset[str]
    doubtful: frozenset[str]

    def num_captions(self, captions: Sequence[str]) -> int:
        """How many of the captions name it."""
        return sum(not self.words.isdisjoint(_words(caption)) for caption in captions)

    def is_present(self, captions: Sequence[str]) -> bool:
        """Whether at least two of the captions name it."""
        return self.num_captions(captions) >= 2

    def is_absent(self, captions: Sequence[str]) -> bool:
        """Whether no caption holds a word that names it or leaves it open."""
        return all(
            self.words.isdisjoint(words) and self.doubtful.isdisjoint(words)
            for words in map(_words, captions)
        )


def things_only_in(captions: Sequence[str], others: Sequence[str]) -> list[ObjectWords]:
    """Things that one picture shows and another surely does not.

    Args:
        captions: Of the one.
        others: Of the other.
    """
    return [
        thing
        for thing in OBJECT_WORDS.values()
        if thing.is_present(captions) and thing.is_absent(others)
    ]


@lru_cache(maxsize=65536)  # every caption is asked about every thing
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+(?:'s)?", text.lower()))


def _read_table(table: str) -> dict[str, ObjectWords]:
    things: dict[str, ObjectWords] = {}
    groups = {"PERSON": _PERSON, "MALE": _MALE, "FEMALE": _FEMALE}
    for block in table.strip().split("\n\n"):
        phrase, *rows = block.split("\n")
        named = [word for row in rows if row[0] == "=" for word in row[1:].split()]
        doubtful = [word for row in rows if row[0] == "?" for word in row[1:].split()]
        for group, words in groups.items():
            if group in doubtful:
                doubtful += words.split()
        name = re.sub(r"^an? ", "", phrase)
        things[name] = ObjectWords(
            name, phrase, frozenset(named), frozenset(doubtful) - set(named) - set(groups)
        )
    return things


OBJECT_WORDS: dict[str, ObjectWords] = _read_table(_TABLE)
"""Every thing in the table by its name."""

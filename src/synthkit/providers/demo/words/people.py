"""People, places and days: the names of the demo model's grammar."""

from synthkit.providers.demo.words.lists import phrases, words

NAMES = words(
    """
Amara Anton Beatriz Bruno Chiara Cyrus Dalia Dilan Elif Emil Farid Freya Greta Gustav Hamid Hanna Ines Ivo Jonas June
Karim Kavya Leila Lotte Marek Milan Nadia Noor Olga Oskar Pablo Priya Quentin Rania Rosa Samir Sven Tilda Tomas Ulla
Umar Vera Viktor Wanda Willa Xenia Yara Yusuf Zeno Zora
"""
)

SURNAMES = words(
    """
Abara Bergman Castell Dietrich Eriksen Farouk Galvez Haddad Ibarra Jansen Kowal Lindqvist Marchetti Novak Okafor
Petrov Quist Rahimi Sorensen Tanaka Ueda Varga Weiss Ximenes Yilmaz Zeller Banerjee Calloway Duarte Fitzroy
"""
)

CITIES = words(
    """
Aarhus Bergen Bologna Cork Cusco Dakar Durban Fez Ghent Graz Hanoi Izmir Jaipur Kyoto Leeds Lima Lisbon Lyon Malaga
Nairobi Oslo Porto Quito Riga Rotterdam Seville Tallinn Tbilisi Turin Utrecht Valencia Vilnius Warsaw Zagreb
"""
)

MONTHS = words(
    """
January February March April May June July August September October November December
"""
)
DAYS = words(
    """
Monday Tuesday Wednesday Thursday Friday Saturday Sunday
"""
)

JOBS = phrases(
    """
a night nurse
a retired sailor
a beekeeper
a primary school teacher
a train driver
a pastry chef
a museum guard
a bicycle mechanic
a freelance translator
a village doctor
a wedding photographer
a shipyard welder
a piano tuner
a market gardener
a game designer
a court clerk
a mountain guide
a radio presenter
a carpenter
a tax adviser
a bookbinder
a swimming coach
a vet
a landscape architect
a call centre agent
a lighthouse keeper
a librarian
a data analyst
a dairy farmer
a stage manager
"""
)

AUDIENCES = phrases(
    """
a curious ten-year-old
new members of staff
people in a hurry
a sceptical committee
first-year students
visitors from abroad
retired engineers
parents of small children
somebody with no technical background
the editors of a local newspaper
a busy mayor
teenagers who would rather be elsewhere
a grandmother who loves crosswords
amateur historians
the night shift
a panel of judges
volunteers on their first day
people who are learning English
shop owners in the old town
a friend who missed the meeting
careful investors
the readers of a parish newsletter
hikers who have never camped
a class of twelve-year-olds
nervous beginners
residents of a care home
an impatient manager
long-distance commuters
members of an allotment club
the owner of a small hotel
"""
)
